import { randomUUID } from 'node:crypto'
import { withDeadline } from '../../async/with-deadline.ts'
import { keepsResultsInDatabase } from '../../config/result-backend.ts'
import type { CeleryApp } from '../../create-app.ts'
import { safeUrl } from '../../safe-url.ts'
import { ANSWER_WITHIN_MS, resultsAdvice } from './advice.ts'
import { type Check, failed, noted, ok } from './check.ts'

/** Reads a result that does not exist: the store answers, or says why it does not. */
export async function examineResults(app: CeleryApp): Promise<Check> {
  const name = 'results'
  const backend = app.config.result_backend ?? 'disabled://'
  const url = safeUrl(backend)
  try {
    await reachDatabase(backend)
    const store = await app.results()
    if (!store.features.keeps) return noted(name, 'switched off: no caller can wait for a result')
    await withDeadline(
      store.get(randomUUID()),
      ANSWER_WITHIN_MS,
      () => new Error(`${url} did not answer within ${ANSWER_WITHIN_MS} ms`),
    )
    return ok(name, url)
  } catch (error) {
    return failed(name, error, resultsAdvice(error, app.config.result_backend ?? undefined))
  }
}

/** First of all, since the store of an app waits longer for one that is silent, and closing the app with it. */
async function reachDatabase(backend: string): Promise<void> {
  if (!keepsResultsInDatabase({ result_backend: backend })) return
  const { openDatabase } = await import('../../database/open-database.ts')
  const connectTimeoutMs = ANSWER_WITHIN_MS
  await using _database = await openDatabase({ url: backend, poolSize: 1, connectTimeoutMs })
}
