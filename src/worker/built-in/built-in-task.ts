import type { App } from '../../tasks/app/app.ts'
import { Task } from '../../tasks/task.ts'
import type { TaskOptions } from '../../tasks/task-options.ts'

export type BuiltInTask = Task<readonly never[], unknown>

/** A task that every worker of every app has: it is not registered, so that apps see their own tasks only. */
export function builtIn(
  app: App,
  name: string,
  options: TaskOptions,
  run: (...args: never[]) => unknown,
): BuiltInTask {
  return new Task<never, unknown>(app, { name, options, run })
}
