import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HeldTasks } from '../../src/worker/waiting/held-tasks.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a timer that ends a moment early does not start a task before its time', () => {
  const held = new HeldTasks<string>()
  const due: string[] = []
  const dueAt = Date.now() + 100
  held.hold('job', dueAt, (job) => due.push(job))
  // The timer ends on its own clock; the wall clock is a little behind it.
  vi.setSystemTime(Date.now() - 5)
  vi.advanceTimersByTime(100)
  expect(due).toEqual([])
  vi.advanceTimersByTime(5)
  expect(due).toEqual(['job'])
})

test('a wait longer than any timer ends when it should', () => {
  const held = new HeldTasks<string>()
  const due: string[] = []
  const dueAt = Date.now() + 2 ** 31 + 5_000
  held.hold('job', dueAt, (job) => due.push(job))
  vi.advanceTimersByTime(2_000)
  expect(due).toEqual([])
  vi.setSystemTime(dueAt)
  vi.advanceTimersByTime(1_000)
  expect(due).toEqual(['job'])
})

test('a clock that jumps back and is corrected holds no task longer', () => {
  const held = new HeldTasks<string>()
  const due: string[] = []
  const start = Date.now()
  vi.setSystemTime(start - 3_600_000)
  held.hold('job', start + 5_000, (job) => due.push(job))
  vi.advanceTimersByTime(2_000)
  vi.setSystemTime(start + 2_000)
  vi.advanceTimersByTime(2_000)
  expect(due).toEqual([])
  vi.advanceTimersByTime(2_000)
  expect(due).toEqual(['job'])
})

test('tasks start in the order they are due, those of one moment in the order they came', () => {
  const held = new HeldTasks<number>()
  const due: number[] = []
  const now = Date.now()
  const after = [40, 10, 30, 10, 20, 50, 10]
  after.forEach((ms, job) => {
    held.hold(job, now + ms, (ready) => due.push(ready))
  })
  expect(held.remove((job) => job === 2)).toEqual([2])
  vi.advanceTimersByTime(100)
  expect(due).toEqual([1, 3, 6, 4, 0, 5])
})
