import { expect, test } from 'vitest'
import { EventLines } from '../../../src/cli/events/event-line.ts'
import { TaskRates } from '../../../src/cli/events/task-rates.ts'

const STAMP = { hostname: 'w1@host', utcoffset: 0, pid: 3, clock: 4 }

test('a task is shown by what it arrived with, and each event with its fields in order', () => {
  const lines = new EventLines()
  const arrived = { uuid: 'x1', name: 'export.add', args: '(1,)', kwargs: '{}', eta: null }
  expect(lines.lineOf({ ...STAMP, ...arrived, type: 'task-received', timestamp: 1.5 })).toBe(
    'w1@host [1970-01-01 00:00:01.500000+00:00] task received: export.add(x1) args=(1,) kwargs={} clock=4, eta=None, pid=3, utcoffset=0',
  )
  expect(lines.lineOf({ ...STAMP, uuid: 'x1', type: 'task-started', timestamp: 2 })).toBe(
    'w1@host [1970-01-01 00:00:02.000000+00:00] task started: export.add(x1) args=(1,) kwargs={} clock=4, pid=3, utcoffset=0',
  )
  expect(lines.lineOf({ hostname: 'w1@host', type: 'worker-offline', timestamp: 2 })).toBe(
    'w1@host [1970-01-01 00:00:02.000000+00:00] shutdown ',
  )
})

test('tasks are counted by name over 5 s, 30 s and 5 min', () => {
  let now = 1_000_000
  const rates = new TaskRates(() => now)
  const run = (uuid: string, end: Readonly<Record<string, unknown>>): void => {
    const at = now / 1_000
    rates.onEvent({ type: 'task-received', uuid, name: 'export.pdf', timestamp: at })
    rates.onEvent({ type: 'task-started', uuid, timestamp: at + 0.5 })
    rates.onEvent({ type: 'task-succeeded', uuid, timestamp: at + 2, ...end })
  }
  for (const uuid of ['a', 'b']) run(uuid, { runtime: 1.5 })
  now += 10_000
  run('c', { type: 'task-failed' })
  rates.onEvent({ type: 'task-succeeded', uuid: 'earlier', timestamp: now / 1_000, runtime: 1 })
  expect(rates.rows().map(({ name }) => name)).toEqual(['(unknown)', 'export.pdf'])
  const [, { spans } = { spans: [] }] = rates.rows()
  expect(spans).toEqual([
    { rate: 1 / 5, wait: 0.5, run: undefined, failures: 1 },
    { rate: 3 / 30, wait: 0.5, run: 1.5, failures: 1 },
    { rate: 3 / 300, wait: 0.5, run: 1.5, failures: 1 },
  ])
  now += 301_000
  expect(rates.rows()).toEqual([])
})
