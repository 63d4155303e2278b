import type { Command } from 'commander'
import type { Runnable } from '../lifecycle/run-until-stopped.ts'
import type { Monitor as MonitorService } from '../monitor/monitor.ts'
import type { BatchReport } from '../monitor/monitor-stats.ts'
import type { StateOptions } from '../monitor/states/state-jobs.ts'
import { safeUrl } from '../safe-url.ts'
import { openApp } from './app/open-app.ts'
import { addSiteEnvironment } from './app/site-settings.ts'
import { HEALTH_HELP, type HealthAddress, healthAddress } from './health/health-address.ts'
import type { MonitorHealthParts } from './health/monitor-health.ts'
import { migrateUpWithProgress } from './migrate.ts'
import { DATABASE, LOG_LEVEL } from './options/common-options.ts'
import { DATABASE_HELP, databaseUrl } from './options/database-url.ts'
import type { DatabaseOptions } from './options/open-database.ts'
import { positiveInteger, seconds } from './options/option-values.ts'
import { printError } from './output/output.ts'
import { runService, serviceLogging } from './run-service.ts'

interface MonitorCommandOptions extends DatabaseOptions {
  readonly migrate?: boolean
  readonly batchSize?: number
  readonly loglevel: string
  readonly grace?: number
  readonly reconcileEvery?: number
  readonly reconcileAfter?: number
  readonly missedHeartbeats?: number
  readonly pruneEvery?: number
  readonly reconcile: boolean
  readonly events: boolean
  readonly healthPort?: HealthAddress
}

const EXAMPLES = `
Takes the copies of all messages from the platform queue, and the events of workers and their tasks from a
queue of its own; writes them in batches, and acknowledges after the commit.
Any number of monitors may run. A monitor stops on SIGTERM or Ctrl-C once all messages that it has taken are written.

${DATABASE_HELP}

Examples:
  celery-toolbox monitor --migrate
  celery-toolbox monitor -b amqp://broker.example --database postgresql://worker@db.example/history`

export function addMonitor(program: Command): void {
  const monitor = program
    .command('monitor')
    .description('record every message and outcome in Postgres')
    .option('--migrate', 'apply database migrations first')
    .option(...DATABASE)
    .option('--batch-size <n>', 'the most messages that one transaction writes', positiveInteger)
    .option(
      '--reconcile-every <seconds>',
      'seconds between two searches for lost tasks (30)',
      seconds,
    )
    .option(
      '--reconcile-after <seconds>',
      'seconds until a missing task counts as lost (60)',
      seconds,
    )
    .option(
      '--missed-heartbeats <n>',
      'missed heartbeats until a worker is offline (15)',
      positiveInteger,
    )
    .option(
      '--prune-every <seconds>',
      'seconds between two deletions of history past RETENTION (3600)',
      seconds,
    )
    .option('--no-events', 'record no worker events (celeryev): no queue, no rows')
    .option('--no-reconcile', 'do not look for lost tasks')
    .option(...LOG_LEVEL)
    .option('--health-port <port>', HEALTH_HELP, healthAddress)
    .option(
      '--grace <seconds>',
      'seconds that a warm shutdown may take, most of them for the last batch (default: 10)',
      seconds,
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      await runMonitor(command.optsWithGlobals<MonitorCommandOptions>())
    })
  addSiteEnvironment(monitor)
}

async function runMonitor(options: MonitorCommandOptions): Promise<void> {
  const opened = await openApp(options, { usesQueues: true })
  const { config } = opened
  const url = databaseUrl(config, options.database)
  const loglevel = options.debug === true ? 'debug' : options.loglevel
  await using logging = await serviceLogging(config, loglevel)
  const { logger } = logging
  // After the log, so that it is closed before the log is.
  await using app = opened
  app.useLogger(logger)
  const { openDatabase } = await import('../database/open-database.ts')
  await using database = await openDatabase({ url, logger })
  if (options.migrate === true) await migrateUpWithProgress(database)
  const { Monitor } = await import('../monitor/monitor.ts')
  const { batchSize, pruneEvery } = options
  const broker = app.readingBroker()
  const monitor = (onBatch?: (batch: BatchReport) => void): MonitorService =>
    new Monitor({
      broker,
      database,
      config,
      logger,
      events: options.events,
      ...(batchSize !== undefined && { batchSize }),
      ...(pruneEvery !== undefined && { pruneEveryMs: pruneEvery * 1_000 }),
      ...(onBatch !== undefined && { onBatch }),
      states: { reconcile: options.reconcile && reconcileOptions(options) },
    })
  const parts = { broker, database, config, logger }
  const service = await withHealth(monitor, parts, options.healthPort)
  await runService(service, {
    name: 'monitor',
    graceSeconds: options.grace,
    onStarted: () =>
      printError(
        `monitor: ${config.platformQueue} on ${broker.safeUrl} is recorded in ${safeUrl(url)}`,
      ),
  })
}

async function withHealth(
  monitor: (onBatch?: (batch: BatchReport) => void) => MonitorService,
  parts: Omit<MonitorHealthParts, 'address'>,
  address: HealthAddress | undefined,
): Promise<Runnable> {
  if (address === undefined) return monitor()
  const { monitorWithHealth } = await import('./health/monitor-health.ts')
  return await monitorWithHealth({ ...parts, address }, monitor)
}

function reconcileOptions({
  reconcileEvery,
  reconcileAfter,
  missedHeartbeats,
}: MonitorCommandOptions): Exclude<StateOptions['reconcile'], undefined> {
  return {
    ...(reconcileEvery !== undefined && { everyMs: reconcileEvery * 1000 }),
    ...(reconcileAfter !== undefined && { graceMs: reconcileAfter * 1000 }),
    ...(missedHeartbeats !== undefined && { missedHeartbeats }),
  }
}
