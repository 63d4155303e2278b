import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { remappedTerm } from '../../config/resolve/environment.ts'
import type { CeleryApp } from '../../create-app.ts'
import { UsageError } from '../../errors.ts'
import type { Runnable } from '../../lifecycle/run-until-stopped.ts'
import type { StopHow } from '../../lifecycle/stop-on-signals.ts'
import { currentRequest } from '../../tasks/calls/current-request.ts'
import type { AutoscaleBounds } from '../../worker/pools/autoscale.ts'
import type { Worker } from '../../worker/worker.ts'
import type { WorkerOptions } from '../../worker/worker-options.ts'
import { type GlobalOptions, openApp } from '../app/open-app.ts'
import { addSiteEnvironment } from '../app/site-settings.ts'
import { HEALTH_HELP, type HealthAddress, healthAddress } from '../health/health-address.ts'
import { LOG_LEVEL } from '../options/common-options.ts'
import { autoscale, count, names, positiveInteger, seconds } from '../options/option-values.ts'
import { print } from '../output/output.ts'
import { runService, serviceLogging } from '../run-service.ts'
import { banner } from './banner.ts'
import { addCeleryOptions, optimization } from './celery-options.ts'
import { PidFile } from './pid-file.ts'
import { startAnew } from './start-anew.ts'
import { workerSignals } from './worker-signals.ts'

interface WorkerCommandOptions extends GlobalOptions {
  readonly queues?: readonly string[]
  readonly concurrency?: number
  readonly loglevel: string
  readonly hostname?: string
  readonly pool?: string
  readonly autoscale?: AutoscaleBounds
  readonly maxTasksPerChild?: number
  readonly maxMemoryPerChild?: number
  readonly softTimeLimit?: number
  readonly timeLimit?: number
  readonly prefetchMultiplier?: number
  readonly grace?: number
  readonly taskEvents?: boolean
  readonly withoutGossip?: boolean
  readonly withoutMingle?: boolean
  readonly withoutHeartbeat?: boolean
  readonly heartbeatInterval?: number
  readonly healthPort?: HealthAddress
  readonly statedb?: string
  readonly pidfile?: string
}

const EXAMPLES = `
Stops on SIGTERM or Ctrl-C: takes nothing new and finishes what runs. SIGQUIT, or Ctrl-C again, stops at once (after
worker_soft_shutdown_timeout, where set), and late-acknowledged tasks go back to their queue. SIGHUP stops it in the same way as SIGTERM, then starts it again with the code
that is there then.

Examples:
  celery-toolbox worker -A app.ts
  celery-toolbox worker -A app.ts -Q export,celery -c 20 -n export@%h -l debug
  celery-toolbox worker -A dist/app.js -P processes -c 4 --time-limit 60
  celery-toolbox worker -A dist/app.js -P threads --autoscale 8,2
  celery-toolbox worker -A dist/app.js --grace 30`

export function addWorker(program: Command): void {
  const worker = program
    .command('worker')
    .description('run the tasks of an app')
    .option('-Q, --queues <names>', 'the work queues to take from (default: all)', names)
    .option('-c, --concurrency <n>', 'tasks to run at the same time', positiveInteger)
    .option(...LOG_LEVEL)
    .option('-n, --hostname <name>', 'the name of the worker; %h is the host')
    .option(
      '-P, --pool <pool>',
      "async, threads or processes, or one of Python's names: prefork, solo, …",
    )
    .option('--autoscale <max,min>', 'grow and shrink the pool with the load', autoscale)
    .option('--max-tasks-per-child <n>', 'replace a child after n tasks', positiveInteger)
    .option(
      '--max-memory-per-child <kb>',
      'replace a child that takes more memory',
      positiveInteger,
    )
    .option('--soft-time-limit <s>', "seconds until a task's signal is aborted", seconds)
    .option('--time-limit <s>', 'seconds until a task fails and its child is killed', seconds)
    .option('--prefetch-multiplier <n>', 'messages taken ahead for each slot; 0: no limit', count)
    .option('-S, --statedb <file>', 'keep revoked tasks in this file while the worker is down')
    .option('-E, --task-events', 'send events about tasks, for monitors')
    .option('--without-gossip', 'do not take part in elections of workers')
    .option('--without-mingle', 'do not ask other workers for revoked tasks at the start')
    .option('--without-heartbeat', 'send no heartbeats')
    .option('--heartbeat-interval <s>', 'seconds between heartbeats (default: 2)', seconds)
    .option('--health-port <port>', HEALTH_HELP, healthAddress)
    .option('--pidfile <file>', 'keep the process id in this file while the worker runs')
    .option('-O, --optimization <kind>', 'fair or default, which do the same here', optimization)
    .option(
      '--grace <seconds>',
      'seconds that a warm shutdown waits for running tasks (default: no limit)',
      seconds,
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const end = await runWorker(command.optsWithGlobals<WorkerCommandOptions>())
      // After all that it held is closed: its connections, its port, its pidfile.
      if (end === 'anew') process.exitCode = await startAnew()
    })
  addCeleryOptions(worker)
  addSiteEnvironment(worker)
}

async function runWorker(options: WorkerCommandOptions): Promise<'anew' | 'over'> {
  const { app: place, queues, concurrency, hostname: name, prefetchMultiplier } = options
  if (place === undefined) throw new UsageError('a worker needs its app: worker -A app.ts')
  const { statedb, pidfile } = options
  using _held = pidfile === undefined ? null : new PidFile(pidfile)
  const opened = await openApp(options)
  const loglevel = options.debug === true ? 'debug' : options.loglevel
  await using logging = await serviceLogging(opened.config, loglevel)
  // After the log, so that it is closed before the log is.
  await using app = opened
  app.useLogger(logging.logger)
  const workerOptions: WorkerOptions = {
    ...(queues !== undefined && { queues }),
    ...(concurrency !== undefined && { concurrency }),
    ...(prefetchMultiplier !== undefined && { prefetchMultiplier }),
    ...(name !== undefined && { name }),
    module: place,
    ...poolOptions(options),
    ...eventOptions(options),
    ...(statedb !== undefined && { stateDb: statedb }),
    ...(options.grace !== undefined && { graceMs: options.grace * 1_000 }),
  }
  const { worker, service } = await openWorker(app, workerOptions, options.healthPort)
  // In this process everything is the worker's: what else goes wrong in the app is logged, and the worker keeps running tasks.
  process.on('unhandledRejection', (reason) => {
    if (currentRequest() !== undefined) return
    logging.logger.error({ err: reason }, 'a promise was rejected and not handled')
  })
  print(banner(app, worker.settings, place))
  const came = await runService(service, {
    name: 'worker',
    graceSeconds: options.grace,
    rules: workerSignals({
      isTerminal: process.stdout.isTTY,
      remapsTerm: remappedTerm() === 'SIGQUIT',
    }),
    soft: softStop(app.config),
  })
  // As in Celery: who interrupts a worker wants to know that it was.
  if (came.includes('SIGINT')) process.exitCode = 1
  return came[0] === 'SIGHUP' && process.exitCode !== 1 ? 'anew' : 'over'
}

async function openWorker(
  app: CeleryApp,
  options: WorkerOptions,
  address: HealthAddress | undefined,
): Promise<{ readonly worker: Worker; readonly service: Runnable }> {
  if (address === undefined) {
    const worker = app.worker(options)
    return { worker, service: worker }
  }
  const { workerWithHealth } = await import('../health/worker-health.ts')
  return await workerWithHealth(app, address, (more) => app.worker({ ...options, ...more }))
}

function softStop(config: Config): StopHow | undefined {
  const graceMs = config.worker_soft_shutdown_timeout * 1_000
  if (graceMs <= 0) return undefined
  return { graceMs, ...(config.worker_enable_soft_shutdown_on_idle && { idleMs: graceMs }) }
}

function poolOptions(options: WorkerCommandOptions): Partial<WorkerOptions> {
  const { pool, autoscale, maxTasksPerChild, maxMemoryPerChild, softTimeLimit, timeLimit } = options
  return {
    ...(pool !== undefined && { pool }),
    ...(autoscale !== undefined && { autoscale }),
    ...(maxTasksPerChild !== undefined && { maxTasksPerChild }),
    ...(maxMemoryPerChild !== undefined && { maxMemoryPerChild }),
    ...(softTimeLimit !== undefined && { softTimeLimit }),
    ...(timeLimit !== undefined && { timeLimit }),
  }
}

function eventOptions({
  taskEvents,
  withoutGossip,
  withoutMingle,
  withoutHeartbeat,
  heartbeatInterval,
}: WorkerCommandOptions): Pick<
  WorkerOptions,
  'taskEvents' | 'gossip' | 'mingle' | 'heartbeat' | 'heartbeatSeconds'
> {
  return {
    ...(taskEvents !== undefined && { taskEvents }),
    ...(withoutGossip === true && { gossip: false }),
    ...(withoutMingle === true && { mingle: false }),
    ...(withoutHeartbeat === true && { heartbeat: false }),
    ...(heartbeatInterval !== undefined && { heartbeatSeconds: heartbeatInterval }),
  }
}
