import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { markNow } from '../../../src/brokers/sqs/receiving/lease-clock.ts'
import type { Found, Polls } from '../../../src/brokers/sqs/receiving/polls.ts'
import type { Receipts } from '../../../src/brokers/sqs/receiving/receipts.ts'
import { SqsConsumer } from '../../../src/brokers/sqs/receiving/sqs-consumer.ts'
import { silentLogger } from '../../../src/logger.ts'

test('a poll that ends after its consumer was closed leaves no timer that keeps the process', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const found = deferred<Found>()
  const consumer = pollingConsumer({ poll: () => found.promise, pollingMs: 60_000 })
  consumer.start()
  const { polling } = consumer
  await consumer.close()
  found.resolve({ received: [], left: 0, at: markNow(), tookMs: 1, waitMs: 20_000 })
  await Promise.all(polling)
  expect(polling).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
})

function pollingConsumer({ poll, pollingMs }: { poll: Polls['poll']; pollingMs: number }) {
  return new SqsConsumer({
    queueName: 'work',
    options: { prefetch: 1 },
    onDelivery: () => undefined,
    log: silentLogger,
    safeUrl: 'sqs://',
    polls: { poll } as Polls, // only this is asked of it
    pollingMs,
    visibilitySeconds: 20,
    holder: { receipts: {} as Receipts, sendOn: undefined, onReject: async () => 'delete' }, // nothing is received
    revive: async () => undefined,
    onClosed: () => undefined,
  })
}
