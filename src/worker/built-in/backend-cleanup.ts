import type { App } from '../../tasks/app/app.ts'
import { type BuiltInTask, builtIn } from './built-in-task.ts'

/** `celery.backend_cleanup`: removes results older than result_expires, where the backend does not do so by itself. */
export function backendCleanup(app: App): BuiltInTask {
  return builtIn(app, 'celery.backend_cleanup', {}, async () => {
    const results = await app.results()
    await results.cleanup?.()
  })
}
