import { expect, test } from 'vitest'
import { LookSchedule } from '../../../src/results/postgres/look-schedule.ts'
import { encodeRow } from '../../../src/results/taskmeta-row.ts'
import { success } from '../../contracts/result-store-contract.ts'
import { growthOf } from '../../support/growth.ts'
import { waitAll, watching } from './watching.ts'

test('each wait for a result costs the same, however many wait already', async () => {
  expect(await growthOf(500, waitAll)).toBeLessThan(3)
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
