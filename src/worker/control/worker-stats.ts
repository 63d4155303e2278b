import type { Config } from '../../config/config.ts'
import { maskValue } from '../../config/masking.ts'
import { safeUrl } from '../../safe-url.ts'
import type { App } from '../../tasks/app/app.ts'
import type { ControlledPool } from '../pools/controlled-pool.ts'
import type { ControlledWorker } from './controlled-worker.ts'

interface Measured {
  readonly app: App
  readonly worker: ControlledWorker
}

/** As Celery's `stats`: monitors show it, and Flower needs all of it. */
export function workerStats(
  { app, worker }: Measured,
  uptimeSeconds: number,
): Readonly<Record<string, unknown>> {
  return {
    total: worker.totals(),
    pid: process.pid,
    // A text in Python, too.
    clock: String(app.clock.value),
    uptime: Math.round(uptimeSeconds),
    pool: poolInfo(worker.pool(), app.config),
    ...autoscalerInfo(worker.pool()),
    broker: brokerInfo(app.config),
    prefetch_count: worker.queues.prefetch,
    rusage: resourceUsage(),
  }
}

/** As Celery's pools describe themselves. */
function poolInfo(pool: ControlledPool, config: Config): Readonly<Record<string, unknown>> {
  return {
    implementation: `celery-toolbox:${pool.name}`,
    'max-concurrency': pool.concurrency,
    processes: pool.pids,
    'max-tasks-per-child': pool.maxTasksPerChild ?? 'N/A',
    'put-guarded-by-semaphore': true,
    timeouts: [config.task_soft_time_limit ?? 0, config.task_time_limit ?? 0],
  }
}

/** Only of a worker that scales by itself. */
function autoscalerInfo({
  autoscale,
  concurrency,
}: ControlledPool): Readonly<Record<string, unknown>> {
  return autoscale === null ? {} : { autoscaler: { ...autoscale, current: concurrency } }
}

/** As kombu's `Connection.info()`, without its password. */
function brokerInfo(config: Config): Readonly<Record<string, unknown>> {
  const [first = '', ...others] = config.brokerReadUrls
  const url = urlOf(safeUrl(first))
  return {
    hostname: url?.hostname || null,
    userid: url?.username ? decodeURIComponent(url.username) : null,
    virtual_host: decodeURIComponent(url?.pathname.slice(1) ?? '') || '/',
    port: url?.port ? Number(url.port) : null,
    insist: false,
    ssl: config.broker_use_ssl !== null && config.broker_use_ssl !== false,
    transport: url?.protocol.slice(0, -1) ?? '',
    connect_timeout: config.broker_connection_timeout,
    transport_options: maskValue('broker_transport_options', config.broker_transport_options),
    login_method: config.broker_login_method ?? 'PLAIN',
    uri_prefix: null,
    heartbeat: config.broker_heartbeat,
    failover_strategy: config.broker_failover_strategy ?? 'round-robin',
    alternates: others.map(safeUrl),
    credential_provider: null,
  }
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    // A list of hosts, or a path: the report shows as much of it as is known.
    return undefined
  }
}

/** As getrusage(2) names them. */
function resourceUsage(): Readonly<Record<string, number>> {
  const usage = process.resourceUsage()
  return {
    utime: usage.userCPUTime / 1e6,
    stime: usage.systemCPUTime / 1e6,
    maxrss: usage.maxRSS,
    ixrss: usage.sharedMemorySize,
    idrss: usage.unsharedDataSize,
    isrss: usage.unsharedStackSize,
    minflt: usage.minorPageFault,
    majflt: usage.majorPageFault,
    nswap: usage.swappedOut,
    inblock: usage.fsRead,
    oublock: usage.fsWrite,
    msgsnd: usage.ipcSent,
    msgrcv: usage.ipcReceived,
    nsignals: usage.signalsCount,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  }
}
