import { availableParallelism, hostname } from 'node:os'
import type { OnKept } from '../brokers/dead-letters/dead-letters.ts'
import type { Config } from '../config/config.ts'
import { TaskError } from '../errors.ts'
import { type AutoscaleBounds, checkedBounds } from './pools/autoscale.ts'
import type { LoopBlock } from './pools/loop-watch.ts'
import type { PoolOptions } from './pools/open-pool.ts'
import type { PoolName, RunLimits } from './pools/pool.ts'
import { poolNamed, runsOneAtATime } from './pools/pool-name.ts'
import type { OnTaskError, RunReport } from './report.ts'

/** How a worker is started; what is absent comes from the config. */
export interface WorkerOptions {
  /** The queues to take from. Default: every work queue (never the platform queue, which is the monitor's). */
  readonly queues?: readonly string[]
  /** As Celery's -P: where tasks run, "async", "threads" or "processes". Default: worker_pool, else "async". */
  readonly pool?: string
  /**
   * The module of the app, as -A names it: threads and processes load it. A function that is declared anywhere else cannot
   * run in them.
   */
  readonly module?: string
  /** Tasks that run at a time. Default: worker_concurrency, else 100 in "async", else as many as there are cores. */
  readonly concurrency?: number
  /** As Celery's --autoscale: as many slots as there is work for, within these bounds. */
  readonly autoscale?: AutoscaleBounds
  /** As Celery's --max-tasks-per-child: a child that has run as many is replaced. */
  readonly maxTasksPerChild?: number
  /** Kilobytes, as Celery's --max-memory-per-child: a child that holds more after a task is replaced. */
  readonly maxMemoryPerChild?: number
  /** Seconds for tasks that have no limit of their own, as Celery's --soft-time-limit. Default: task_soft_time_limit. */
  readonly softTimeLimit?: number
  /** As Celery's --time-limit. Default: task_time_limit. */
  readonly timeLimit?: number
  /** Deliveries taken ahead for each slot; 0 is no limit. Default: worker_prefetch_multiplier. */
  readonly prefetchMultiplier?: number
  /** As Celery's -n: "name@host"; each worker needs one of its own. Default "toolbox@host". */
  readonly name?: string
  /** As Celery's -S: the file that remembers revoked tasks. Default: worker_state_db. */
  readonly stateDb?: string
  /** As Celery's -E: send events about tasks. Default: worker_send_task_events. */
  readonly taskEvents?: boolean
  /** Send heartbeats; false is Celery's --without-heartbeat. Default true. */
  readonly heartbeat?: boolean
  /** Seconds between heartbeats. Default 2; 30 where events go to the platform queue. */
  readonly heartbeatSeconds?: number
  /** Take part in the elections of workers; false is Celery's --without-gossip. Default true. */
  readonly gossip?: boolean
  /** Ask the other workers at the start what is revoked; false is Celery's --without-mingle. Default true. */
  readonly mingle?: boolean
  /** How long a stop that remote control asks for waits for what runs. Default: no limit. */
  readonly graceMs?: number
  /** Called with every error a task fails with: a place for Sentry. */
  readonly onTaskError?: OnTaskError
  /** Called for every run that has ended: a place for metrics. */
  readonly onRun?: (run: RunReport) => void
  /** Called for every task that blocked the event loop for a second or more: a place for metrics. */
  readonly onBlocked?: (block: LoopBlock) => void
  /** Called for every message that was moved to its dead-letter queue, with the reason. */
  readonly onKept?: OnKept
}

export interface WorkerSettings {
  readonly queues: readonly string[]
  readonly pool: PoolName
  /** Slots of its pool when it starts. */
  readonly concurrency: number
  readonly autoscale: AutoscaleBounds | null
  readonly maxTasksPerChild: number | null
  readonly maxMemoryPerChild: number | null
  /** Of tasks that have none of their own. */
  readonly limits: RunLimits
  readonly prefetchMultiplier: number
  /** Deliveries that each queue may hand over unacknowledged when it starts; 0 is no limit. */
  readonly prefetch: number
  readonly name: string
  readonly stateDb: string | null
}

/** Tasks of an event loop await more than they compute. */
const ASYNC_CONCURRENCY = 100
const PROC_ALIVE_SECONDS = 60

export function workerSettings(config: Config, options: WorkerOptions): WorkerSettings {
  const asked = askedPool(config, options)
  const pool = poolNamed(asked)
  const autoscale = options.autoscale === undefined ? null : checkedBounds(options.autoscale)
  const concurrency = autoscale?.min ?? concurrencyOf(asked, config, options)
  const multiplier = options.prefetchMultiplier ?? config.worker_prefetch_multiplier
  if (!(Number.isFinite(multiplier) && multiplier >= 0)) {
    throw new TaskError(
      'TASK_INVALID',
      `the prefetch multiplier is ${multiplier}, expected a number, 0 or more`,
    )
  }
  return {
    queues: queuesOf(config, options.queues),
    pool,
    concurrency,
    autoscale,
    maxTasksPerChild: options.maxTasksPerChild ?? config.worker_max_tasks_per_child,
    maxMemoryPerChild: options.maxMemoryPerChild ?? config.worker_max_memory_per_child,
    limits: {
      softTimeLimit: options.softTimeLimit ?? config.task_soft_time_limit,
      timeLimit: options.timeLimit ?? config.task_time_limit,
    },
    prefetchMultiplier: multiplier,
    prefetch: prefetchFor(autoscale?.max ?? concurrency, multiplier),
    name: nameOf(options.name),
    stateDb: options.stateDb ?? config.worker_state_db ?? null,
  }
}

/** How the children of its pools live. */
export function poolOptions(config: Config, options: WorkerOptions): Omit<PoolOptions, 'logger'> {
  const isAsked = config.source('worker_proc_alive_timeout') !== 'default'
  return {
    module: options.module,
    maxTasksPerChild: options.maxTasksPerChild ?? config.worker_max_tasks_per_child,
    maxMemoryPerChild: options.maxMemoryPerChild ?? config.worker_max_memory_per_child,
    // Celery forks, and its four seconds are enough; a child here loads the app, on a machine that may be busy.
    aliveTimeoutMs: (isAsked ? config.worker_proc_alive_timeout : PROC_ALIVE_SECONDS) * 1_000,
    lostWaitMs: config.worker_lost_wait * 1_000,
  }
}

/** Of a worker with so many slots. RabbitMQ counts prefetch in 16 bits. */
export function prefetchFor(concurrency: number, multiplier: number): number {
  return Math.min(Math.ceil(concurrency * multiplier), 65_535)
}

/** Slots of a pool whose number is not set: as many tasks as can be computed at a time. */
export function defaultConcurrency(pool: PoolName): number {
  return pool === 'async' ? ASYNC_CONCURRENCY : availableParallelism()
}

function concurrencyOf(asked: string, config: Config, options: WorkerOptions): number {
  const byDefault = runsOneAtATime(asked) ? 1 : defaultConcurrency(poolNamed(asked))
  const concurrency = options.concurrency ?? config.worker_concurrency ?? byDefault
  if (Number.isInteger(concurrency) && concurrency > 0) return concurrency
  throw new TaskError(
    'TASK_INVALID',
    `the concurrency is ${concurrency}, expected an integer above 0`,
  )
}

/** The name of its pool as it is given, ours or Python's. Celery's default, "prefork", is Python's: without a name it is "async". */
export function askedPool(config: Config, { pool }: WorkerOptions): string {
  return pool ?? (config.source('worker_pool') === 'default' ? 'async' : config.worker_pool)
}

function queuesOf(config: Config, asked: readonly string[] | undefined): readonly string[] {
  const known = config.workQueues()
  if (asked === undefined) return config.consumedQueues()
  for (const queue of asked) {
    if (queue === config.platformQueue) {
      throw new TaskError(
        'TASK_INVALID',
        `"${queue}" is the platform queue: the monitor reads it, workers must not`,
      )
    }
    if (!known.includes(queue)) {
      throw new TaskError(
        'TASK_INVALID',
        `there is no queue "${queue}"; the work queues are: ${known.join(', ')}`,
      )
    }
  }
  if (asked.length === 0)
    throw new TaskError('TASK_INVALID', 'a worker needs at least one queue: set queues, or give -Q')
  return [...new Set(asked)]
}

/**
 * As Celery's node names; %h is the host. Without a name not "celery@host", which a Python worker beside it would have:
 * a name belongs to one worker, and the second one would find its mailbox taken.
 */
function nameOf(name: string | undefined): string {
  if (name === undefined) return `toolbox@${hostname()}`
  const expanded = name.replaceAll('%h', hostname())
  return expanded.includes('@') ? expanded : `${expanded}@${hostname()}`
}
