import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { PassingMap, PassingSet } from '../../src/async/passing.ts'
import { collectYoung } from '../../src/collect-garbage.ts'

const COUNT = 20_000
const MEGABYTE = 1_000_000

/** How many bytes of what has passed are still in memory, though only young objects were collected since: of 16 MB in all. */
async function keptBy(map: PassingMap<number, object>): Promise<number> {
  map.set(-1, {})
  await collected()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < COUNT; at += 1) {
    map.set(
      at,
      Array.from({ length: 100 }, (_, index) => at + index),
    )
    if (at >= 100) map.delete(at - 100)
    if (at % 1000 === 0) await collected()
  }
  for (let at = COUNT - 100; at < COUNT; at += 1) map.delete(at)
  await collected()
  return process.memoryUsage().heapUsed - before
}

/** What has outlived two collections is old. */
async function collected(): Promise<void> {
  for (let at = 0; at < 3; at += 1) {
    await turn()
    collectYoung()
  }
}

test('what has passed through a PassingMap is let go', async () => {
  const map = new PassingMap<number, object>()
  expect(await keptBy(map)).toBeLessThan(4 * MEGABYTE)
  expect([...map]).toEqual([[-1, {}]])
})

test('entries of a PassingMap keep their order, and what is deleted on the way is not given twice', () => {
  const map = new PassingMap<number, string>()
  for (let at = 0; at < 500; at += 1) map.set(at, `value ${at}`)
  for (let at = 0; at < 450; at += 1) map.delete(at)
  map.delete(7)
  expect([...map].map(([key]) => key)).toEqual(Array.from({ length: 50 }, (_, at) => at + 450))
  expect(map.get(460)).toBe('value 460')
  expect(map.has(7)).toBe(false)
  expect(map.size).toBe(50)
  expect([...map.keys()][0]).toBe(450)
  const seen: number[] = []
  for (const [key] of map) {
    seen.push(key)
    map.delete(key)
  }
  expect(seen).toEqual(Array.from({ length: 50 }, (_, at) => at + 450))
  expect([...map.values()]).toEqual([])
})

test('a PassingSet has what was added and not deleted, in the order in which it came', () => {
  const set = new PassingSet<number>()
  for (let at = 0; at < 500; at += 1) set.add(at)
  for (let at = 0; at < 450; at += 1) expect(set.delete(at)).toBe(true)
  expect(set.delete(7)).toBe(false)
  expect(set.has(7)).toBe(false)
  expect([...set]).toEqual(Array.from({ length: 50 }, (_, at) => at + 450))
  expect(set.size).toBe(50)
  set.clear()
  expect([...set]).toEqual([])
})
