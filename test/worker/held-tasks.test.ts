import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HeldTasks } from '../../src/worker/held-tasks.ts'

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

test('a wait longer than any timer is taken in steps', () => {
  const held = new HeldTasks<string>()
  const due: string[] = []
  held.hold('job', Date.now() + 2 ** 31 + 1_000, (job) => due.push(job))
  vi.advanceTimersByTime(2 ** 31 - 1)
  expect(due).toEqual([])
  vi.advanceTimersByTime(1_001)
  expect(due).toEqual(['job'])
})
