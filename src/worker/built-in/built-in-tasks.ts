import type { App } from '../../tasks/app/app.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'
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

/** `celery.backend_cleanup`: removes results older than result_expires, where the backend does not do so by itself. */
function backendCleanup(app: App): BuiltInTask {
  return builtIn(app, 'celery.backend_cleanup', {}, async () => {
    const results = await app.results()
    await results.cleanup?.()
  })
}
