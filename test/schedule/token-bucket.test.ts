import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRateLimit, TokenBucket } from '../../src/schedule/token-bucket.ts'

test.each([
  ['10/s', 10],
  ['10/m', 10 / 60],
  ['10/h', 10 / 3_600],
  ['0.5/m', 0.5 / 60],
  ['1e3/s', 1_000],
  ['10', 10],
  [10, 10],
  [0.5, 0.5],
])('the rate limit %j is %d a second', (limit, perSecond) => {
  expect(parseRateLimit(limit)).toBeCloseTo(perSecond, 12)
})

test.each([[null], [undefined], [''], [0], ['0'], ['0/m']])('%j is no rate limit', (limit) => {
  expect(parseRateLimit(limit)).toBeNull()
})

test.each([
  ['10/d', '"10/d"'],
  ['10/M', '"10/M"'],
  ['10/', '"10/"'],
  ['/s', '"/s"'],
  ['-1/s', '"-1/s"'],
  ['often', '"often"'],
  ['10/m/s', '"10/m/s"'],
  ['1e999', '"1e999"'],
  [-1, '-1'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('the rate limit %j is refused, with its value and what was expected', (limit, shown) => {
  expect(() => parseRateLimit(limit)).toThrow(
    expect.objectContaining({
      code: 'TASK_INVALID',
      message: expect.stringContaining(`is ${shown}, expected a number`),
    }),
  )
})

test('the first may start at once, the next after its part of a second', () => {
  const clock = clockAt(5_000)
  const bucket = new TokenBucket(10, clock.now)
  expect([bucket.expectedWaitMs(), bucket.take()]).toEqual([0, true])
  expect([bucket.expectedWaitMs(), bucket.take()]).toEqual([100, false])
  clock.forward(99)
  expect([bucket.expectedWaitMs(), bucket.take()]).toEqual([1, false])
  clock.forward(1)
  expect([bucket.expectedWaitMs(), bucket.take()]).toEqual([0, true])
})

test('time in which nothing started is not saved up', () => {
  const clock = clockAt(0)
  const bucket = new TokenBucket(10, clock.now)
  clock.forward(60_000)
  expect([bucket.take(), bucket.take()]).toEqual([true, false])
})

const rates = fc.double({ min: 0.001, max: 1_000, noNaN: true })

test('whatever is asked when, starts are an interval apart', () => {
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 5_000 })), (perSecond, waits) => {
      const clock = clockAt(0)
      const bucket = new TokenBucket(perSecond, clock.now)
      const starts = waits.flatMap((ms) => {
        clock.forward(ms)
        return bucket.take() ? [clock.now()] : []
      })
      for (const [index, start] of starts.entries()) {
        const former = starts[index - 1] ?? Number.NEGATIVE_INFINITY
        expect(start).toBeGreaterThanOrEqual(former + 1_000 / perSecond)
      }
    }),
  )
})

test('who waits as long as asked, and no longer, may start', () => {
  fc.assert(
    fc.property(rates, fc.double({ min: 0, max: 1e9, noNaN: true }), (perSecond, at) => {
      const clock = clockAt(at)
      const bucket = new TokenBucket(perSecond, clock.now)
      for (let start = 0; start < 20; start += 1) {
        const waitMs = bucket.expectedWaitMs()
        expect(waitMs).toBeLessThanOrEqual(Math.ceil(1_000 / perSecond) + 1)
        clock.forward(waitMs)
        expect(bucket.take()).toBe(true)
      }
    }),
  )
})

function clockAt(start: number): { now: () => number; forward: (ms: number) => void } {
  let time = start
  return {
    now: () => time,
    forward: (ms) => {
      time += ms
    },
  }
}
