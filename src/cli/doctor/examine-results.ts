import { randomUUID } from 'node:crypto'
import type { CeleryApp } from '../../create-app.ts'
import { safeUrl } from '../../safe-url.ts'
import { type Check, failed, noted, ok } from './check.ts'

/** Reads a result that nobody has stored: the store answers, or says why it does not. */
export async function examineResults(app: CeleryApp): Promise<Check> {
  const name = 'results'
  const url = safeUrl(app.config.result_backend ?? 'disabled://')
  try {
    const store = await app.results()
    if (!store.features.keeps) return noted(name, 'switched off: nobody can wait for a result')
    await store.get(randomUUID())
    return ok(name, url)
  } catch (error) {
    return failed(
      name,
      error,
      'set result_backend (CELERY_RESULT_BACKEND, or RESULT_DB_*) to a database that answers and has the tables; ' +
        'celery-toolbox migrate up makes them',
    )
  }
}
