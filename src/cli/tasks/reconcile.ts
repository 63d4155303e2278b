import type { Command } from 'commander'
import { sleep } from '../../async/sleep.ts'
import type { ReconciledLoss } from '../../monitor/states/act-on-loss.ts'
import type { ReconcilerOptions } from '../../monitor/states/reconciler.ts'
import { commandLogger, openApp } from '../app/open-app.ts'
import { DATABASE, DRY_RUN, JSON_OUTPUT } from '../options/common-options.ts'
import { openDatabaseOf } from '../options/open-database.ts'
import { positiveInteger, seconds } from '../options/option-values.ts'
import { print, printError, printJson, printTable, wantsJson } from '../output/output.ts'
import type { Column } from '../output/table.ts'
import type { TasksOptions } from './options/options.ts'

interface ReconcileOptions extends TasksOptions {
  readonly dryRun?: boolean
  readonly observe: number
  readonly missedHeartbeats?: number
}

const EXAMPLES = `
Finds tasks that were published and never received, started by a worker that is gone, or that succeeded without a
result, and does what the setting RECONCILE says: leave, mark or replay. A task in doubt becomes UNHEARD. A monitor
does the same all the time. The command watches the queues for --observe seconds, to know which of them stay empty.

Examples:
  celery-toolbox tasks reconcile --dry-run
  CELERY_RECONCILE='{"export.*": "replay", "*": "leave"}' celery-toolbox tasks reconcile`

export function addReconcile(tasks: Command): void {
  tasks
    .command('reconcile')
    .description('find lost tasks, and mark or replay them as configured')
    .option(...DRY_RUN)
    .option('--observe <seconds>', 'seconds to watch the queues', seconds, 10)
    .option(
      '--missed-heartbeats <n>',
      'missed heartbeats until a worker is offline (15)',
      positiveInteger,
    )
    .option(...DATABASE)
    .option(...JSON_OUTPUT)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runReconcile(command.optsWithGlobals<ReconcileOptions>())
    })
}

async function runReconcile(options: ReconcileOptions): Promise<void> {
  const { Reconciler } = await import('../../monitor/states/reconciler.ts')
  const { reconcilerOptions } = await import('../../monitor/states/state-jobs.ts')
  const { eventQueueName } = await import('../../monitor/events/event-topology.ts')
  const { requireMigrations } = await import('../../database/migrate.ts')
  await using app = await openApp(options)
  const logger = await commandLogger(app.config, options)
  app.useLogger(logger)
  await using database = await openDatabaseOf(app.config, options)
  await requireMigrations(database)
  const broker = app.broker()
  const eventQueue = broker.carriesEvents ? eventQueueName(app.config) : undefined
  const reconciler = new Reconciler({
    ...reconcilerOptions({ database, broker, config: app.config, logger, eventQueue }),
    ...limitsOf(options),
    isDryRun: options.dryRun === true,
  })
  await reconciler.pass()
  await sleep(options.observe * 1000)
  const losses = await reconciler.pass()
  report(losses, options)
  if (reconciler.isFresh) return
  printError(
    `error: no monitor keeps the record up to date, so lost tasks cannot be found: run "celery-toolbox monitor"`,
  )
  process.exitCode = 1
}

function limitsOf({ observe, missedHeartbeats }: ReconcileOptions): Partial<ReconcilerOptions> {
  return {
    graceMs: observe * 1000,
    ...(missedHeartbeats !== undefined && { missedHeartbeats }),
  }
}

function report(losses: readonly ReconciledLoss[], options: ReconcileOptions): void {
  if (wantsJson(options)) printJson(losses)
  else if (losses.length === 0) print('no task is lost')
  else printTable(COLUMNS, losses)
}

const COLUMNS: readonly Column<ReconciledLoss>[] = [
  { title: 'task', value: ({ name }) => name },
  { title: 'what is done', value: ({ action, newId, problem }) => problem ?? newId ?? action },
  { title: 'why', value: ({ reason }) => reason },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
]
