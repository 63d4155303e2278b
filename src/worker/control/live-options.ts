import type { TaskOptions } from '../../tasks/task-options.ts'

/** What remote control may change of a task while its worker runs. */
type LiveOptions = Pick<TaskOptions, 'rateLimit' | 'softTimeLimit' | 'timeLimit'>

interface NamedTask {
  readonly name: string
  readonly options: TaskOptions
}

/** The options of tasks as they are now in this worker. */
export class LiveTaskOptions {
  readonly #changed = new Map<string, LiveOptions>()

  of(task: NamedTask): LiveOptions {
    return this.#changed.get(task.name) ?? task.options
  }

  change(task: NamedTask, changes: { readonly [Name in keyof LiveOptions]: unknown }): void {
    const { rateLimit, softTimeLimit, timeLimit } = { ...this.of(task), ...changes }
    // The command that changes them has checked them.
    const options = { rateLimit, softTimeLimit, timeLimit } as LiveOptions
    this.#changed.set(task.name, options)
  }
}
