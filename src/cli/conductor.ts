import { type Command, Option } from 'commander'
import { despiteFailures } from '../async/despite-failures.ts'
import { UsageError } from '../errors.ts'
import { readFlow, readFlowFile } from '../flows/files/flow-file.ts'
import type { Flow } from '../flows/patterns/flow.ts'
import type { FlowEvent } from '../flows/storage/flow-store.ts'
import type { Logger } from '../logger.ts'
import { type GlobalOptions, openApp } from './app/open-app.ts'
import { type BoardOptions, type OpenedBoard, openBoard, withBoard } from './flow/open-board.ts'
import { functionsOfApp } from './flow/step-functions.ts'
import { LOG_LEVEL } from './options/common-options.ts'
import { positiveInteger } from './options/option-values.ts'
import { printError } from './output/output.ts'
import { runService, serviceLogging } from './run-service.ts'

interface ConductorCommandOptions extends GlobalOptions, BoardOptions {
  readonly concurrency?: number
  readonly loglevel: string
  readonly wakeBy?: 'board' | 'broker' | 'vault'
}

const EXAMPLES = `
Examples:
  celery-toolbox -A app.ts conductor flows/*.yaml
  celery-toolbox -A app.ts conductor -c 20 --board night
  celery-toolbox -A app.ts conductor --board zookeeper://zk1:2181/taskflow/jobs`

export function addConductor(program: Command): void {
  const command = program
    .command('conductor')
    .description('take jobs from the board and run their flows')
    .argument('[file...]', 'flow files whose jobs it takes, besides jobs that carry their flow')
  withBoard(command)
    .option('-c, --concurrency <n>', 'jobs at a time (4)', positiveInteger)
    .addOption(
      new Option('--wake-by <what>', 'what wakes conductors when a delay is over (board)').choices([
        'board',
        'broker',
        'vault',
      ]),
    )
    .option(...LOG_LEVEL)
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], _options: unknown, command: Command) => {
      await conduct(files, command.optsWithGlobals<ConductorCommandOptions>())
    })
}

async function conduct(files: readonly string[], options: ConductorCommandOptions): Promise<void> {
  const opened = await openApp(options)
  const loglevel = options.debug === true ? 'debug' : options.loglevel
  await using logging = await serviceLogging(opened.config, loglevel)
  // After the log, so that it is closed before the log is.
  await using app = opened
  const { logger } = logging
  const functions = functionsOfApp(app)
  const flows = await flowsOf(files, functions)
  await using place = await openBoard(app.config, options)
  const { board } = place
  const { Conductor } = await import('../flows/conductor/conductor.ts')
  const { RemoteRelay } = await import('../flows/remote/remote-relay.ts')
  const { celeryRemotes } = await import('../flows/remote/celery-remotes.ts')
  const remotes = celeryRemotes(app)
  const reports = await flowReports(app, place, logger)
  const { wakeUps, dispatcher } = await wakingOf(app, board.name, options.wakeBy)
  const conductor = new Conductor(board, {
    flows,
    readDefinition: (text, name) => readFlow(text, { file: name, functions }).flow,
    ...(options.concurrency !== undefined && { maxSimultaneousJobs: options.concurrency }),
    ...(wakeUps !== undefined && { wakeUps }),
    engine: { remotes, ...reports.engine },
    logger,
  })
  const relay = new RemoteRelay(board, { remotes, logger })
  await runService(
    {
      start: async () => {
        await relay.start()
        await reports.relay?.start()
        await dispatcher?.start()
        await conductor.start()
      },
      stop: async (how) => {
        await stopAll([
          () => conductor.stop(how),
          () => dispatcher?.stop(),
          () => relay.stop(),
          () => reports.relay?.stop(),
        ])
      },
    },
    { name: 'conductor', onStarted: () => printError(`conductor ready on board "${board.name}"`) },
  )
}

/** One after the other, also after one that did not stop in time. */
async function stopAll(stops: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  await despiteFailures(stops, async (stop) => {
    await stop()
    return true
  })
}

async function flowsOf(
  files: readonly string[],
  functions: ReturnType<typeof functionsOfApp>,
): Promise<Record<string, () => Flow>> {
  const flows: Record<string, () => Flow> = {}
  for (const file of files) {
    const { flow } = await readFlowFile(file, { functions })
    flows[flow.name] = () => flow
  }
  return flows
}

/** With the transitions in PostgreSQL, and sent from there; at once where the runs are kept in files. */
async function flowReports(app: CeleryApp, { database }: OpenedBoard, logger: Logger) {
  const { EventRelay } = await import('../flows/events/event-relay.ts')
  const { flowEvents } = await import('../flows/events/flow-event.ts')
  const engine = { eventOf: flowEvents() }
  if (database !== undefined) return { engine, relay: new EventRelay(database, { app, logger }) }
  const onEvent = ({ type, fields }: FlowEvent): void => app.events.emit(type, fields)
  return { engine: { ...engine, onEvent }, relay: undefined }
}

/** What wakes the conductor besides its board; what is due in the vault it publishes itself. */
async function wakingOf(app: CeleryApp, board: string, by: ConductorCommandOptions['wakeBy']) {
  if (by === undefined || by === 'board') return {}
  const { WakeUps } = await import('../flows/waits/wake-ups.ts')
  const broker = app.broker()
  if (by === 'vault') {
    const vault = await app.waiting.open()
    if (vault === undefined)
      throw new UsageError('--wake-by vault needs a vault: set ETA_VAULT, see docs/delays.md')
    const dispatcher = await app.waiting.dispatcher(broker)
    return { wakeUps: new WakeUps(broker, { board, vault }), dispatcher }
  }
  const queueType = app.config.broker_native_delayed_delivery_queue_type
  return { wakeUps: new WakeUps(broker, { board, queueType }) }
}

type CeleryApp = Awaited<ReturnType<typeof openApp>>
