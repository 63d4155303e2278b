import type { TaskQueue } from '../../config/queues/task-queues.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { TaskOptions } from '../../tasks/task-options.ts'
import type { Job, RunningJob } from '../job.ts'
import type { ControlledPool } from '../pools/controlled-pool.ts'
import type { Termination } from '../pools/pool.ts'
import type { ControlledEvents } from './event-commands.ts'

/** The queues a worker takes from. */
export interface ControlledQueues {
  readonly list: readonly TaskQueue[]
  /** How many deliveries it takes ahead; 0 is no limit. */
  readonly prefetch: number
  /** False where it is taken from already. */
  add(queue: TaskQueue): Promise<boolean>
  /** False where it is not taken from. */
  cancel(name: string): Promise<boolean>
}

/** What remote control does to its worker. */
export interface ControlledWorker {
  readonly name: string
  readonly queues: ControlledQueues
  /** Its events; undefined before it has started. */
  events(): ControlledEvents | undefined
  pool(): ControlledPool
  /** Jobs whose functions run now. */
  active(): readonly RunningJob[]
  task(name: string): Job['task'] | undefined
  /** Sorted by name; also those that every worker has. */
  tasks(withBuiltIns: boolean): readonly Job['task'][]
  /** The options that a task has unless it says otherwise. */
  defaultOptions(): TaskOptions
  isRunning(taskId: string): boolean
  /** Those that wait for a slot or for their rate limit. */
  reserved(): readonly Job[]
  /** Those that wait for their eta. */
  scheduled(): readonly Job[]
  /** How many of each task were begun. */
  totals(): Readonly<Record<string, number>>
  /** Ends those of the running tasks; says which. */
  terminate(matches: (request: TaskRequest) => boolean, how: Termination): readonly string[]
  /** Ends those that wait here, as revoked; says which. */
  discardWaiting(matches: (request: TaskRequest) => boolean): readonly string[]
  /** Its rate limit has changed. */
  requeueLimited(taskName: string): void
  /** Stops it, warmly. */
  shutDown(): void
}
