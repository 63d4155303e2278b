import { expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { FlowControl } from '../../../src/monitor/recording/flow-control.ts'
import { InHand, PrefetchByLength } from '../../../src/monitor/recording/in-hand.ts'
import { delivery, EXPORT, withBody } from '../messages.ts'

const MIB = 1024 * 1024

test('of short messages soon as many are asked for as there may be', () => {
  const byLength = new PrefetchByLength(7_000)
  expect(byLength.prefetch).toBe(16)
  expect(changesBy(byLength, Array(10_000).fill(1_000))).toEqual([64, 256, 1_024, 4_096, 7_000])
})

test.each([
  [4 * MIB, 8],
  [60 * MIB, 1],
])('of messages of %d bytes, %d are asked for', (bytes, prefetch) => {
  const byLength = new PrefetchByLength(7_000)
  changesBy(byLength, Array(100).fill(bytes))
  expect(byLength.prefetch).toBe(prefetch)
})

test('once long messages come fewer are asked for, and more again after them', () => {
  const byLength = new PrefetchByLength(1_000)
  changesBy(byLength, Array(5_000).fill(1_000))
  expect(byLength.prefetch).toBe(1_000)
  changesBy(byLength, Array(64).fill(4 * MIB))
  expect(byLength.prefetch).toBeLessThan(32)
  changesBy(byLength, Array(10_000).fill(1_000))
  expect(byLength.prefetch).toBe(1_000)
})

test('sixteen long messages after thousands of short ones are enough to ask for few', () => {
  const byLength = new PrefetchByLength(7_000)
  changesBy(byLength, Array(10_000).fill(1_000))
  changesBy(byLength, Array(16).fill(4 * MIB))
  expect(byLength.prefetch).toBeLessThan(20)
})

test('a prefetch that is lower than the first is kept', () => {
  expect(new PrefetchByLength(3).prefetch).toBe(3)
})

test('nothing more is taken while 64 MiB are in hand, be they read or written, until half of them are written', () => {
  const flow = new FlowControl(silentLogger)
  const inHand = new InHand(flow)
  const eight = delivery(withBody('a', Buffer.alloc(8 * MIB)), EXPORT)
  for (let taken = 0; taken < 8; taken += 1) inHand.take(eight)
  expect(flow.isHeld).toBe(false)
  inHand.take(eight)
  expect(flow.isHeld).toBe(true)
  inHand.give([eight, eight, eight, eight])
  expect(flow.isHeld).toBe(true)
  inHand.give([eight])
  expect(flow.isHeld).toBe(false)
})

/** What the prefetch is changed to while messages of these lengths come. */
function changesBy(byLength: PrefetchByLength, lengths: readonly number[]): number[] {
  return lengths.flatMap((bytes) => (byLength.note(bytes) ? [byLength.prefetch] : []))
}
