import type { AutoscaleBounds } from './autoscale.ts'
import type { PoolName } from './pool.ts'

/** What remote control asks of a worker's own pool, and does to it. Each throws `TaskError` where it cannot be done. */
export interface ControlledPool {
  readonly name: PoolName
  /** How many tasks run at a time now: Celery's `max-concurrency`. */
  readonly concurrency: number
  /** The processes that run tasks. */
  readonly pids: readonly number[]
  readonly maxTasksPerChild: number | null
  /** Null where it does not scale by itself. */
  readonly autoscale: AutoscaleBounds | null
  grow(by: number): void
  shrink(by: number): void
  /** Runs that begin from now on have the app loaded anew. */
  restart(): void
  /** Other bounds of autoscale; answers those that hold now. */
  scale(bounds: Partial<AutoscaleBounds>): AutoscaleBounds
}

/** A task that runs now. */
export interface ActiveRun {
  /** Of the process that runs it. */
  readonly pid: number
  /** Epoch seconds. */
  readonly startedAt: number
}
