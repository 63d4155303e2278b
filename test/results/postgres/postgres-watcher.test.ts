import { expect, test } from 'vitest'
import { encodeRow } from '../../../src/results/taskmeta-row.ts'
import { success } from '../../contracts/result-store-contract.ts'
import { watching } from './watching.ts'

test('many waits are looked for with one query, and an announced result at once', async () => {
  const result = success(1)
  const row = encodeRow(result, { isExtended: false })
  let isReady = false
  const { watcher, queries, announce } = watching((ids) =>
    isReady && ids.includes(result.taskId) ? [row] : [],
  )
  const waits = [result.taskId, 'b', 'c'].map((id) => watcher.wait(id, { intervalMs: 60_000 }))
  const [first] = waits
  await expect.poll(() => queries.length).toBeGreaterThan(0)
  expect(queries[0]).toHaveLength(3)
  isReady = true
  await expect.poll(() => announce([result.taskId])).toBe(true)
  expect(await first).toMatchObject({ taskId: result.taskId })
  await watcher.close(new Error('enough'))
  await Promise.allSettled(waits)
})
