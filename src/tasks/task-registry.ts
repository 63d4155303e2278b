import { TaskError } from '../errors.ts'
import type { Task } from './task.ts'

/** The tasks of an app by name. */
export class TaskRegistry {
  readonly #tasks = new Map<string, Task<readonly never[], unknown>>()

  add(task: Task<readonly never[], unknown>): void {
    if (this.#tasks.has(task.name)) {
      throw new TaskError(
        'TASK_INVALID',
        `there is already a task named "${task.name}"; give one of them another name`,
      )
    }
    this.#tasks.set(task.name, task)
  }

  get(name: string): Task<readonly never[], unknown> | undefined {
    return this.#tasks.get(name)
  }

  get names(): readonly string[] {
    return [...this.#tasks.keys()].sort()
  }
}
