import type { Logger } from '../../logger.ts'
import type { App } from '../../tasks/app/app.ts'
import type { Task } from '../../tasks/task.ts'
import type { Job } from '../job.ts'
import type { TaskEvents } from '../task-events.ts'
import {
  askedPool,
  defaultConcurrency,
  poolOptions,
  type WorkerOptions,
  type WorkerSettings,
} from '../worker-options.ts'
import type { LoopBlock } from './loop-watch.ts'
import { openPool } from './open-pool.ts'
import type { Pool, PoolName } from './pool.ts'
import { WorkerPools } from './worker-pools.ts'

interface JobPoolsParts {
  readonly app: App
  readonly options: WorkerOptions
  readonly settings: WorkerSettings
  /** Celery's own tasks, by their names. */
  readonly builtIn: ReadonlyMap<string, Task<readonly never[], unknown>>
  /** Jobs that run in its own pool, or wait for a slot of it. */
  readonly needed: (pool: PoolName) => number
  /** Called when its own pool has another number of slots. */
  readonly onResized: (pool: PoolName, slots: number) => void
  readonly events: TaskEvents
  readonly track: (work: Promise<unknown> | undefined) => void
  readonly logger: Logger
}

const MAPS: ReadonlySet<string> = new Set(['celery.map', 'celery.starmap', 'celery.chunks'])

/** Which pool of a worker runs which job, and what is said of the tasks that run there. */
export class JobPools {
  readonly all: WorkerPools
  readonly #parts: JobPoolsParts

  constructor(parts: JobPoolsParts) {
    this.#parts = parts
    const { app, options, settings, logger } = parts
    const children = poolOptions(app.config, options)
    this.all = new WorkerPools({
      own: settings.pool,
      concurrency: settings.concurrency,
      besideConcurrency: defaultConcurrency,
      autoscale: settings.autoscale,
      maxTasksPerChild: children.maxTasksPerChild,
      open: (name) =>
        openPool(name, {
          ...children,
          hasStandby: this.#hasHardLimits(),
          onBlocked: (block) => this.#tellOfBlock(block),
          logger,
        }),
      needed: () => parts.needed(settings.pool),
      onResized: (slots) => parts.onResized(settings.pool, slots),
      logger,
    })
  }

  /** Opens the worker's own pool, and those that single tasks ask for. */
  async start(): Promise<void> {
    const { app, options, settings, logger } = this.#parts
    const asked = askedPool(app.config, options)
    const { pool } = settings
    if (asked !== pool)
      logger.info({ asked, pool }, 'another pool runs in place of the one of Python')
    const { tasks } = app
    await this.all.start(tasks.names.flatMap((name) => tasks.get(name)?.options.pool ?? []))
  }

  of(job: Job): Pool {
    return this.all.of(this.nameOf(job))
  }

  nameOf({ task }: Job): PoolName {
    const { builtIn, settings } = this.#parts
    // Celery's own tasks only wait for brokers and backends, but for the maps, which call the app's functions.
    const isOwn = builtIn.get(task.name) === task && !MAPS.has(task.name)
    return isOwn ? 'async' : (task.options.pool ?? settings.pool)
  }

  /** Then children will be killed, and others are to be there at once. */
  #hasHardLimits(): boolean {
    const { app, settings } = this.#parts
    const isLimited = app.tasks.names.some(
      (name) => (app.tasks.get(name)?.options.timeLimit ?? 0) > 0,
    )
    return isLimited || (settings.limits.timeLimit ?? 0) > 0
  }

  /** A task kept the event loop, and with it heartbeats and all other tasks, from running. */
  #tellOfBlock(block: LoopBlock): void {
    const { logger, options, events, track } = this.#parts
    const { request, among, blockedMs } = block
    const about = request === undefined ? { among } : { task: request.task, taskId: request.id }
    logger.warn({ ...about, blockedMs: Math.round(blockedMs) }, 'a task blocked the event loop')
    options.onBlocked?.(block)
    if (request === undefined) return
    const fields = { name: request.task, duration: blockedMs / 1_000 }
    track(events.own(request, 'loop-blocked', fields))
  }
}
