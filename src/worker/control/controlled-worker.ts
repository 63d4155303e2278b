import type { TaskRequest } from '../../protocol/task-request.ts'
import type { Job } from '../job.ts'
import type { ControlledPool } from '../pools/controlled-pool.ts'
import type { RunningJob } from '../task-runner.ts'
import type { ControlledEvents } from './event-commands.ts'

/** How running tasks are ended. */
export interface Termination {
  /** What the task's signal says. */
  readonly reason: string | undefined
  /** The number of the signal that would have ended the process of a Python worker. */
  readonly signum: number
}

/** What remote control does to its worker. */
export interface ControlledWorker {
  readonly name: string
  readonly queues: readonly string[]
  /** What it tells; undefined before it has started. */
  events(): ControlledEvents | undefined
  pool(): ControlledPool
  /** Jobs whose functions run now. */
  active(): readonly RunningJob[]
  task(name: string): Job['task'] | undefined
  isRunning(taskId: string): boolean
  /** Ends those of the running tasks; says which. */
  terminate(isMeant: (request: TaskRequest) => boolean, how: Termination): readonly string[]
  /** Ends those that wait here, as revoked; says which. */
  discardWaiting(isMeant: (request: TaskRequest) => boolean): readonly string[]
  /** Its rate limit has changed. */
  admitAgain(taskName: string): void
}
