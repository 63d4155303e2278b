import type { Command } from 'commander'
import { readFlow, readFlowFile } from '../flows/files/flow-file.ts'
import type { Flow } from '../flows/patterns/flow.ts'
import { type GlobalOptions, openApp } from './app/open-app.ts'
import { functionsOfApp } from './flow/step-functions.ts'
import { openDatabaseOf } from './options/open-database.ts'
import { positiveInteger } from './options/option-values.ts'
import { printError } from './output/output.ts'
import { runService, serviceLogging } from './run-service.ts'

interface ConductorCommandOptions extends GlobalOptions {
  readonly board?: string
  readonly database?: string
  readonly concurrency?: number
  readonly loglevel?: string
}

const EXAMPLES = `
Examples:
  celery-toolbox -A app.ts conductor flows/*.yaml
  celery-toolbox -A app.ts conductor -c 20 --board night`

export function addConductor(program: Command): void {
  program
    .command('conductor')
    .description('take jobs from the board and run their flows')
    .argument('[file...]', 'flow files whose jobs it takes, besides jobs that carry their flow')
    .option('--board <name>', 'the board (default: default)')
    .option('--database <url>', 'the PostgreSQL database that has the board')
    .option('-c, --concurrency <n>', 'jobs at a time (4)', positiveInteger)
    .option('-l, --loglevel <level>', 'log level (info)')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], _options: unknown, command: Command) => {
      await conduct(files, command.optsWithGlobals<ConductorCommandOptions>())
    })
}

async function conduct(files: readonly string[], options: ConductorCommandOptions): Promise<void> {
  const { Board } = await import('../flows/board/board.ts')
  const { Conductor } = await import('../flows/conductor/conductor.ts')
  const { RemoteRelay } = await import('../flows/remote/remote-relay.ts')
  const { EventRelay } = await import('../flows/events/event-relay.ts')
  const { flowEvents } = await import('../flows/events/flow-event.ts')
  const { celeryRemotes } = await import('../flows/remote/celery-remotes.ts')
  const app = await openApp(options)
  const functions = functionsOfApp(app)
  const flows: Record<string, () => Flow> = {}
  for (const file of files) {
    const { flow } = await readFlowFile(file, { functions })
    flows[flow.name] = () => flow
  }
  await using logging = await serviceLogging(app.config, options.loglevel ?? 'info')
  await using database = await openDatabaseOf(app.config, options)
  const board = new Board(database, options.board === undefined ? {} : { name: options.board })
  const remotes = celeryRemotes(app)
  const conductor = new Conductor(board, {
    flows,
    readDefinition: (text, name) => readFlow(text, { file: name, functions }).flow,
    ...(options.concurrency !== undefined && { maxSimultaneousJobs: options.concurrency }),
    engine: { remotes, eventOf: flowEvents() },
    logger: logging.logger,
  })
  const relay = new RemoteRelay(database, { board, remotes, logger: logging.logger })
  const events = new EventRelay(database, { app, logger: logging.logger })
  await runService(
    {
      start: async () => {
        await relay.start()
        await events.start()
        await conductor.start()
      },
      stop: async (how) => {
        await conductor.stop(how)
        await relay.stop()
        await events.stop()
      },
    },
    { name: 'conductor', onStarted: () => printError(`conductor ready on board "${board.name}"`) },
  )
  await app.close()
}
