import { onTestFinished } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { PostgresWatcher } from '../../../src/results/postgres/postgres-watcher.ts'
import type { TaskmetaRow } from '../../../src/results/taskmeta-row.ts'
import { success } from '../../contracts/result-store-contract.ts'

/** Waits for so many results, none of which comes. */
export async function waitAll(count: number): Promise<void> {
  const { watcher } = watching(() => [])
  // Each has its handler before it ends, as a caller's has: Node keeps a list of those that have none.
  const waits = Promise.allSettled(
    Array.from({ length: count }, (_, id) => watcher.wait(`${id}`, {})),
  )
  await watcher.close(new Error('enough'))
  await waits
}

/** A watcher of these rows, the ids that it asked for, and what announces results to it. */
export function watching(read: (ids: readonly string[]) => readonly TaskmetaRow[]) {
  const queries: (readonly string[])[] = []
  let hear: ((ids: readonly string[]) => void) | undefined
  const watcher = new PostgresWatcher({
    logger: silentLogger,
    readReady: async (ids) => {
      queries.push(ids)
      return read(ids)
    },
    decode: async ({ taskId }) => ({ ...success(1), taskId }),
    listen: async (onResults) => {
      hear = onResults
      return async () => undefined
    },
  })
  onTestFinished(() => watcher.close(new Error('the test has ended')))
  const announce = (ids: readonly string[]): boolean => {
    hear?.(ids)
    return hear !== undefined
  }
  return { watcher, queries, announce }
}
