import { expect, test } from 'vitest'
import { type Logger, silentLogger } from '../../../src/logger.ts'
import { WorkerClocks } from '../../../src/monitor/events/worker-clocks.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const HOUR = 3_600_000

/** An event every two seconds from a worker whose clock is behind by so much; what its times become, from now on. */
function corrected(clocks: WorkerClocks, behindMs: readonly number[], startMs = NOW): number[] {
  return behindMs.map((behind, at) => {
    const receivedMs = startMs + 2000 * at
    const timestamp = (receivedMs - behind) / 1000
    const event = { type: 'worker-heartbeat', hostname: 'w1@host', timestamp }
    return Math.round(clocks.timeOf(event, receivedMs) - receivedMs) + 0
  })
}

test('times of a worker whose clock is right stay as they are, to the latency', () => {
  const clocks = new WorkerClocks()
  expect(corrected(clocks, [0, 20, 900, 0])).toEqual([0, -20, -900, 0])
  expect(clocks.driftSeconds('w1@host')).toBeNull()
})

test.each([HOUR, -HOUR, 90_000])('a clock that is wrong by %d ms is corrected', (behind) => {
  const clocks = new WorkerClocks()
  expect(corrected(clocks, [behind, behind, behind, behind]).slice(2)).toEqual([0, 0])
  expect(clocks.driftSeconds('w1@host')).toBe(behind / 1000)
})

test('a clock that jumps is corrected anew, and one that is set right is right again', () => {
  const clocks = new WorkerClocks()
  corrected(clocks, [0, 0, 0])
  const after = corrected(clocks, [-HOUR, -HOUR, 0, 0, 0, 0], NOW + 6000)
  expect(after.slice(0, 2)).toEqual([0, 0])
  expect(after.slice(4)).toEqual([0, 0])
  expect(clocks.driftSeconds('w1@host')).toBeNull()
})

test('a wrong clock is warned of once, and once it is right again', () => {
  const lines: unknown[] = []
  const write = (level: string) => (fields: object, text: string) =>
    lines.push([level, fields, text])
  const logger = { ...silentLogger, warn: write('warn'), info: write('info') }
  const clocks = new WorkerClocks(logger as unknown as Logger) // all of it that is used
  corrected(clocks, [HOUR, HOUR, HOUR, HOUR, HOUR])
  corrected(clocks, [0, 0, 0], NOW + 10_000)
  expect(lines).toEqual([
    [
      'warn',
      { hostname: 'w1@host', driftS: 3600 },
      expect.stringMatching(/^the clock of a worker is wrong/),
    ],
    ['info', { hostname: 'w1@host' }, 'the clock of a worker is right again'],
  ])
})

test('events that waited in their queue are old, and not from a clock that is wrong', () => {
  const clocks = new WorkerClocks()
  const waited = [0, 2000, 4000, 6000].map((sentMs) => {
    const timestamp = (NOW - HOUR + sentMs) / 1000
    return clocks.timeOf({ type: 'worker-heartbeat', hostname: 'w1@host', timestamp }, NOW)
  })
  expect(waited.map((ms) => ms - NOW + HOUR)).toEqual([0, 2000, 4000, 6000])
  expect(clocks.driftSeconds('w1@host')).toBeNull()
})

test('nothing happened after it came: a clock that was set right meanwhile is not corrected into the future', () => {
  const clocks = new WorkerClocks()
  corrected(clocks, [HOUR, HOUR, HOUR])
  const event = { type: 'task-succeeded', hostname: 'w1@host', timestamp: (NOW + 8000) / 1000 }
  expect(clocks.timeOf(event, NOW + 8100)).toBe(NOW + 8100)
  const ahead = { ...event, hostname: 'w2@host', timestamp: (NOW + 1500) / 1000 }
  expect(clocks.timeOf(ahead, NOW)).toBe(NOW)
})

test.each([0, -5, 4e9, 1e12])('a timestamp of %d is none: the arrival counts', (timestamp) => {
  const clocks = new WorkerClocks()
  expect(clocks.timeOf({ type: 'task-started', hostname: 'w1@host', timestamp }, NOW)).toBe(NOW)
})
