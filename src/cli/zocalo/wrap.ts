import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isDoneWithin } from '../../async/with-deadline.ts'
import { decodeJson } from '../../codecs/json/json.ts'
import { isDict, itemAtKey } from '../../codecs/ordered-dict.ts'
import { pythonStr } from '../../codecs/python/python-text.ts'
import { UsageError } from '../../errors.ts'
import type { BaseWrapper } from '../../recipes/wrapper/base-wrapper.ts'
import { RecipeWrapper } from '../../recipes/wrapper/recipe-wrapper.ts'
import { printError } from '../output/output.ts'
import { refuse, withRefusals } from './refusals.ts'
import { addSiteOptions, addVerbose, openSite, type Site, type SiteOptions } from './site.ts'

interface WrapOptions extends SiteOptions {
  readonly wrap?: string
  readonly recipewrapper?: string
  readonly exitZero?: boolean
}

/** Of a job that was cancelled and keeps running. */
const PATIENCE_MS = 5000

const EXAMPLES = `
FILE is the body of a recipe message, as the Runner writes it for $RECIPEWRAP. A project's own wrappers stand in its
package.json: "celery-toolbox": { "wrappers": { "NAME": "./file.mjs#Export" } }.

Examples:
  celery-toolbox wrap --wrap command --recipewrapper .recipewrap
  celery-toolbox wrap --wrap my-job --recipewrapper .recipewrap -v`

export function addWrap(program: Command): void {
  const command = program
    .command('wrap')
    .description('run a job that has a recipe message (Zocalo: zocalo.wrap)')
    .option('--wrap <name>', 'the wrapper object: command, dummy, or one of the project')
    .option('--recipewrapper <file>', 'the recipe message, in JSON')
    .option('--exit-zero', "exit code 0 even if the job failed, as Python's zocalo.wrap")
    .addHelpText('after', EXAMPLES)
  addVerbose(addSiteOptions(command), 'log more; may be repeated').action(
    async (_options: unknown, self: Command) => {
      await withRefusals(() => wrap(self.optsWithGlobals<WrapOptions>()))
    },
  )
}

async function wrap(options: WrapOptions): Promise<void> {
  const { loadWrapper, wrapperNames } = await import('../../services/wrappers.ts')
  const site = await openSite(options)
  const { wrap: name, recipewrapper: file } = options
  if (name === undefined) return refuse('A wrapper object must be specified.')
  const known = wrapperNames(site.parts)
  if (!known.includes(name)) {
    throw new UsageError(`--wrap ${name}: there is no such wrapper; there are: ${known.join(', ')}`)
  }
  const log = site.log.logger('zocalo.wrap')
  log.info(
    `Starting wrapper for ${name}${file === undefined ? '' : ` with recipewrapper file ${file}`}`,
  )
  const { TaskStatus } = await import('../../recipes/service/task-status.ts')
  const { clusterFields } = await import('../../recipes/service/cluster-fields.ts')
  await using transport = site.open(`wrap ${name} ${process.pid}`)
  await transport.connect()
  const status = new TaskStatus(transport, name, await clusterFields())
  status.start()
  const cancelled = new AbortController()
  const cancel = (): void => cancelled.abort(new Error('cancelled'))
  process.once('SIGINT', cancel)
  process.once('SIGTERM', cancel)
  process.on('SIGUSR2', tellStacks)
  try {
    const wrapper =
      file === undefined ? null : new RecipeWrapper({ message: messageIn(file), transport })
    const job = new (await loadWrapper(name, site.parts))({
      config: site.config,
      log,
      signal: cancelled.signal,
    })
    if (wrapper !== null) {
      status.task = `${name}${informationOf(wrapper)}`
      job.setRecipeWrapper(wrapper)
    }
    if ('statusTask' in job) {
      job.statusTask = (suffix: string): void => {
        status.task += suffix
      }
    }
    await runJob(job, { status, options, site, signal: cancelled.signal })
  } finally {
    await status.stop()
    process.off('SIGINT', cancel)
    process.off('SIGTERM', cancel)
    process.off('SIGUSR2', tellStacks)
  }
}

interface Run {
  readonly status: { enter(code: 4 | 6 | 7): void }
  readonly options: WrapOptions
  readonly site: Site
  readonly signal: AbortSignal
}

/** A cancelled job is neither a success nor a failure; it is done. */
async function runJob(job: BaseWrapper, { status, options, site, signal }: Run): Promise<void> {
  const log = site.log.logger('zocalo.wrap')
  log.info('Setup complete, starting processing')
  let hasFailed = false
  try {
    await job.prepare('Starting processing')
    status.enter(4)
    const isSuccess = await untilCancelled(job.run(), signal)
    if (isSuccess === null) log.info('Shutdown requested')
    else if (isSuccess) {
      log.info('successfully finished processing')
      await job.success('Finished processing')
    } else {
      hasFailed = true
      log.info('processing failed')
      await job.failure('Processing failed')
    }
    status.enter(6)
  } catch (error) {
    hasFailed = true
    log.error({ err: error }, 'the job ended with an error')
    await job.failure(error)
    status.enter(7)
  }
  await job.done('Finished processing')
  if (hasFailed && options.exitZero !== true) process.exitCode = 1
}

/** Null where it was cancelled first; the job has a while then to end what it has started. */
async function untilCancelled(
  work: Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean | null> {
  const cancelled = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve())
  }).then(async () => {
    await isDoneWithin(PATIENCE_MS, work)
    return null
  })
  const done = work.then((isSuccess) => (signal.aborted ? null : isSuccess))
  return await Promise.race([
    done.catch((error) => (signal.aborted ? null : Promise.reject(error))),
    cancelled,
  ])
}

function messageIn(file: string): unknown {
  const options = { keepFloats: true, keepOrder: true, plainObjects: true }
  const message = decodeJson(readFileSync(file, 'utf8'), options)
  const environment = isDict(message) ? itemAtKey(message, 'environment') : undefined
  if (isDict(environment) && itemAtKey(environment, 'ID') !== undefined) return message
  return refuse(`${file} holds no recipe message with an environment ID`)
}

function informationOf(wrapper: RecipeWrapper): string {
  const step = wrapper.recipeStep
  const given = step === null ? undefined : itemAtKey(step, 'wrapper')
  const text = isDict(given) ? itemAtKey(given, 'task_information') : undefined
  return text ? ` (${pythonStr(text)})` : ''
}

/** What the process is doing, for people who ask with SIGUSR2. */
function tellStacks(): void {
  const { javascriptStack } = process.report.getReport() as {
    javascriptStack?: { stack?: string[] }
  }
  printError(`--- SIGUSR2: where it is now\n${(javascriptStack?.stack ?? []).join('\n')}`)
  printError(`--- what it waits for: ${process.getActiveResourcesInfo().join(', ')}`)
}
