import type { App } from '../../tasks/app/app.ts'
import { backendCleanup } from './backend-cleanup.ts'
import type { BuiltInTask } from './built-in-task.ts'
import { accumulateTask, canvasTasks } from './canvas-tasks.ts'
import { chordUnlock } from './chord-unlock.ts'
import { chunksTask, mapTask, starmapTask } from './maps.ts'

/** The tasks Celery itself publishes, which every worker of the default queue must be able to run. */
export function builtInTasks(app: App): ReadonlyMap<string, BuiltInTask> {
  const tasks = [
    accumulateTask(app),
    backendCleanup(app),
    chordUnlock(app),
    chunksTask(app),
    mapTask(app),
    starmapTask(app),
    ...canvasTasks(app),
  ]
  return new Map(tasks.map((task) => [task.name, task]))
}
