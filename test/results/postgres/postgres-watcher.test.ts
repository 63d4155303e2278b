import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { LookSchedule } from '../../../src/results/postgres/look-schedule.ts'
import { PostgresWatcher } from '../../../src/results/postgres/postgres-watcher.ts'
import { encodeRow, type TaskmetaRow } from '../../../src/results/taskmeta-row.ts'
import { success } from '../../contracts/result-store-contract.ts'
import { growthOf } from '../../support/growth.ts'

test('each wait for a result costs the same, however many wait already', async () => {
  const waitAll = async (count: number) => {
    const { watcher } = watching(() => [])
    const waits = Array.from({ length: count }, (_, id) => watcher.wait(`${id}`, {}))
    await watcher.close(new Error('enough'))
    await Promise.allSettled(waits)
  }
  expect(await growthOf(500, waitAll)).toBeLessThan(3)
})

/** Beside all other tests, caches that are shared with them make more of it; quadratic work costs 4. */
const MOST_FOR_TWICE = process.env.GROWTH_WHOLE === undefined ? 3 : 2.3

test('from 20,000 to 80,000 waits, twice as many cost 2.3 times as much, at most', async () => {
  const waitAll = async (count: number) => {
    const { watcher } = watching(() => [])
    const waits = Array.from({ length: count }, (_, id) => watcher.wait(`${id}`, {}))
    await watcher.close(new Error('enough'))
    await Promise.allSettled(waits)
  }
  expect(await growthOf(20_000, waitAll, 4)).toBeLessThan(MOST_FOR_TWICE)
})

test('results that are announced one by one cost the same, however many wait', async () => {
  const ratio = await growthOf(2_000, (count) => {
    const looks = new LookSchedule()
    for (let id = 0; id < count; id += 1) looks.add(`${id}`, 500)
    looks.takeDue(1_000)
    for (let id = 0; id < count; id += 1) {
      looks.hasten(`${id}`)
      if (looks.takeDue(1_000)[0] === `${id}`) looks.delete(`${id}`)
    }
    expect(looks.size).toBe(0)
  })
  expect(ratio).toBeLessThan(3)
})

test('many waits are looked for with one query, and an announced result at once', async () => {
  const result = success(1)
  const row = encodeRow(result, false)
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

function watching(read: (ids: readonly string[]) => readonly TaskmetaRow[]) {
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
