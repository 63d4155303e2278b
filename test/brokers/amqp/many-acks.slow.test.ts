import type { Channel } from 'amqplib'
import { expect, test } from 'vitest'
import { AckWindow } from '../../../src/brokers/amqp/receiving/ack-window.ts'
import { growthOf } from '../../support/growth.ts'

test('an ack costs the same however many deliveries came after one that stays open', async () => {
  const silent = { ack: () => undefined } as unknown as Channel // the one method that is used
  const ratio = await growthOf(4_000, (count) => {
    const window = new AckWindow(silent, 400)
    for (let tag = 2; tag <= count; tag += 1) {
      window.ack(tag)
      if (tag % 20 === 0) window.flush()
    }
  })
  expect(ratio).toBeLessThan(3)
})

test('20,000 acks behind 400,000 held cost 2.3 times what 10,000 cost, at most', async () => {
  const silent = { ack: () => undefined } as unknown as Channel // the one method that is used
  const HELD = 400_000
  const windows = Array.from({ length: 17 }, () => {
    const window = new AckWindow(silent, 0)
    window.ack(HELD + 1)
    return window
  })
  // Once to be compiled, then eight turns of both at most, each behind 400,000 of its own.
  const ratio = await growthOf(
    10_000,
    (count) => {
      const window = windows.pop()
      for (let tag = HELD + 2; tag <= HELD + 1 + count; tag += 1) {
        window?.ack(tag)
        if (tag % 20 === 0) window?.flush()
      }
    },
    2,
  )
  expect(ratio).toBeLessThan(2.3)
})
