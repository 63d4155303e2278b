import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { indentedJson } from '../codecs/json/indented-json.ts'
import { type Dict, isDict, itemAtKey } from '../codecs/ordered-dict.ts'
import {
  ackWith,
  CommonService,
  type RecipeWrapper,
  type TransportHeader,
  wrapSubscribe,
} from '../recipes/index.ts'
import { runCommand, timeoutOf, wordsOf } from './run-command.ts'

const QUEUE = 'runner.submission'
const TIMEOUT_SECONDS = 30

/**
 * Runs the command lines of a step, one after the other, in its working directory (Zocalo: Runner). After success
 * `{"processed": true}` goes to the output `job_processed`, after failure what failed goes to `failure`.
 */
export class Runner extends CommonService {
  static override serviceName = 'Runner'
  static override loggerName = 'zocalo.runner'

  override async initializing(): Promise<void> {
    this.log.info('Runner starting')
    await wrapSubscribe(
      this.transport,
      QUEUE,
      async (wrapper, header) => {
        if (wrapper !== null) await this.#process(wrapper, header)
      },
      {
        acknowledgement: true,
        logExtender: (field, value, work) => this.extendLog(field, value, work),
        log: this.log,
      },
    )
  }

  async #process(wrapper: RecipeWrapper, header: TransportHeader): Promise<void> {
    const step = wrapper.recipeStep ?? {}
    const parameters = itemAtKey(step, 'parameters')
    const job = isDict(parameters) ? await preparedJob(wrapper, parameters) : null
    if (job === null) {
      this.log.error('the step lacks workingdir or commands, its message is rejected')
      await this.transport.nack(header)
      return
    }
    const failure = await this.#run(job)
    await ackWith(this.transport, header, async (options) => {
      if (failure !== null) {
        return await wrapper.sendTo('failure', { processed: false, ...failure }, options)
      }
      wrapper.setDefaultChannel('job_processed')
      await wrapper.send({ processed: true }, options)
    })
  }

  /** What failed, or null. */
  async #run(job: Job): Promise<object | null> {
    for (const { command, words } of job.commands) {
      const { cwd, timeoutSeconds, outputFile } = job
      const { log } = this
      const options = { cwd, timeoutSeconds, outputFile, log }
      try {
        const { exitCode, signal, timedOut } = await runCommand(words, options)
        if (exitCode === 0) continue
        this.log.error({ command, exitCode, signal, timedOut }, 'the command failed')
        return { command, exitCode, timedOut }
      } catch (cause) {
        this.log.error({ err: cause, command }, 'the command cannot be run')
        return { command, error: String(cause) }
      }
    }
    this.log.info({ commands: job.commands.length }, 'all commands were run')
    return null
  }
}

interface Job {
  /** As each is written, and its words. */
  readonly commands: readonly { readonly command: unknown; readonly words: readonly string[] }[]
  readonly cwd: string
  readonly timeoutSeconds: number
  readonly outputFile: string | undefined
}

/** Null where the step does not say what to run, or where. */
async function preparedJob(wrapper: RecipeWrapper, parameters: Dict): Promise<Job | null> {
  const [cwd, given] = [itemAtKey(parameters, 'workingdir'), itemAtKey(parameters, 'commands')]
  const commands = typeof given === 'string' ? [given] : given
  if (typeof cwd !== 'string' || !Array.isArray(commands) || commands.length === 0) return null
  await mkdir(cwd, { recursive: true })
  const words = await writtenFiles(wrapper, parameters)
  const output = itemAtKey(parameters, 'output_file')
  return {
    commands: commands.map((command) => ({
      command,
      words: wordsOf(command).map((word) => replaced(word, words)),
    })),
    cwd,
    timeoutSeconds: timeoutOf(itemAtKey(parameters, 'timeout'), TIMEOUT_SECONDS),
    outputFile: typeof output === 'string' && output !== '' ? join(cwd, output) : undefined,
  }
}

/** Files for the commands, which name them by these words. */
async function writtenFiles(
  wrapper: RecipeWrapper,
  parameters: Dict,
): Promise<ReadonlyMap<string, string>> {
  const words = new Map([['$RECIPEPOINTER', String(wrapper.recipePointer)]])
  const files = [
    ['recipewrapper', '$RECIPEWRAP', () => wrapperText(wrapper)],
    ['recipefile', '$RECIPEFILE', () => indentedJson(wrapper.recipe.recipe)],
    [
      'recipeenvironment',
      '$RECIPEENV',
      () => indentedJson(wrapper.environment, { sortKeys: true }),
    ],
  ] as const
  for (const [parameter, word, text] of files) {
    const file = itemAtKey(parameters, parameter)
    if (typeof file !== 'string' || file === '') continue
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text())
    words.set(word, file)
  }
  return words
}

/** What `wrap --recipewrapper` reads. */
function wrapperText(wrapper: RecipeWrapper): string {
  return indentedJson({
    recipe: wrapper.recipe.recipe,
    'recipe-pointer': wrapper.recipePointer,
    environment: wrapper.environment,
    'recipe-path': wrapper.recipePath,
    payload: wrapper.payload,
  })
}

function replaced(command: string, words: ReadonlyMap<string, string>): string {
  let text = command
  for (const [word, value] of words) text = text.replaceAll(word, value)
  return text
}
