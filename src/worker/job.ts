import type { Delivery } from '../brokers/broker.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import type { Task } from '../tasks/task.ts'
import type { ActiveRun } from './pools/controlled-pool.ts'

/** A delivery on its way through the worker: its message, what it says, and the task that runs it. */
export interface Job {
  /** Another one where the broker took the first back and delivered the message again. */
  delivery: Delivery
  readonly request: TaskRequest
  readonly task: Task<readonly never[], unknown>
}

/** A job whose function runs now. */
export interface RunningJob extends ActiveRun {
  readonly job: Job
}
