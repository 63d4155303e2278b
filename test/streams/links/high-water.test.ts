import { expect, test } from 'vitest'
import { HighWater } from '../../../src/streams/links/zmq/high-water.ts'

test('ZeroMQ holds many small messages and few large ones', () => {
  const marks: number[] = []
  const highWater = new HighWater(undefined, (messages) => marks.push(messages))
  expect(highWater.messages).toBe(64)
  for (const bytes of [100, 1_024, 1_000_000, 100, 100_000_000, 100]) highWater.saw(bytes)
  expect(marks).toEqual([1_000, 8, 2])
})

test('after large messages it holds many small ones again', () => {
  const highWater = new HighWater(undefined, () => undefined)
  highWater.saw(1_000_000)
  for (let n = 0; n < 2_048; n += 1) highWater.saw(10)
  expect(highWater.messages).toBe(1_000)
})

test('a mark of its user stays', () => {
  const highWater = new HighWater(5, () => expect.unreachable())
  for (let n = 0; n < 3_000; n += 1) highWater.saw(n * 1_000)
  expect(highWater.messages).toBe(5)
})
