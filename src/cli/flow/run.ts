import { type Command, InvalidArgumentError } from 'commander'
import { Engine } from '../../flows/engine/engine.ts'
import { flowEvents } from '../../flows/events/flow-event.ts'
import { readFlowFile } from '../../flows/files/flow-file.ts'
import { celeryRemotes } from '../../flows/remote/celery-remotes.ts'
import { FileStore } from '../../flows/storage/file-store.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { type GlobalOptions, openApp } from '../app/open-app.ts'
import { VALUES } from '../options/common-options.ts'
import { printError, printJson } from '../output/output.ts'
import { functionsOfApp } from './step-functions.ts'

interface RunOptions extends GlobalOptions {
  readonly values?: Readonly<Record<string, unknown>>
  readonly parallel?: boolean
  readonly store?: string
  readonly id?: string
}

export function addFlowRun(flow: Command): void {
  flow
    .command('run')
    .description('run a flow file here; steps with a queue run on Celery workers')
    .argument('<file>', 'a flow file in YAML or JSON')
    .option(...VALUES)
    .option('--parallel', 'run steps side by side where the flow allows it')
    .option('--store <folder>', 'keep the run in this folder, to resume it after a crash')
    .option('--id <id>', 'the run to start or to resume')
    .action(async (file: string, _options: unknown, command: Command) => {
      await run(file, command.optsWithGlobals<RunOptions>())
    })
}

async function run(file: string, options: RunOptions): Promise<void> {
  const app = await openApp(options)
  const { flow } = await readFlowFile(file, { functions: functionsOfApp(app) })
  const engine = new Engine(flow, {
    kind: options.parallel === true ? 'parallel' : 'serial',
    store: options.values ?? {},
    flowId: options.id,
    persist: options.store === undefined ? undefined : new FileStore(options.store),
    remotes: celeryRemotes(app),
    eventOf: flowEvents(),
    ...(app.config.task_send_sent_event && {
      onEvent: ({ type, fields }) => app.events.emit(type, fields),
    }),
  })
  for (const type of ['task', 'retry'] as const) {
    engine.on(type, ({ name, state, oldState }) => printError(`${name}: ${oldState} → ${state}`))
  }
  try {
    await engine.run()
    printJson(await engine.fetchAll())
  } finally {
    printError(`flow ${engine.flowId}: ${engine.state}`)
    await app.close()
  }
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return value
  } catch {
    // The error below says what is expected.
  }
  throw new InvalidArgumentError('Expected a JSON object.')
}
