import type { App } from '../tasks/app.ts'
import type { Task } from '../tasks/task.ts'
import { chordUnlock } from './chord-unlock.ts'

/** The tasks Celery itself publishes, which every worker of the default queue must be able to run. */
export function builtInTasks(app: App): ReadonlyMap<string, Task<readonly never[], unknown>> {
  const tasks = [chordUnlock(app)]
  return new Map(tasks.map((task) => [task.name, task]))
}
