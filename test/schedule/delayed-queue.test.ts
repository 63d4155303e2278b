import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import { SQS_FEATURES } from '../../src/brokers/features.ts'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import { DelayedQueue } from '../../src/schedule/delayed-queue.ts'
import type { WaitingMessage } from '../../src/schedule/held-messages.ts'
import { sqsSpace } from '../brokers/sqs/fauxqs.ts'
import { waitFor } from '../support/wait-for.ts'

const MINUTE_MS = 60_000

function memoryBroker(): MemoryBroker {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] })
  const broker = new MemoryBroker(`delayed-${Math.random()}`)
  onTestFinished(async () => {
    vi.useRealTimers()
    await broker.close()
  })
  return broker
}

async function receivedBy(queue: DelayedQueue): Promise<unknown[]> {
  const received: unknown[] = []
  await queue.consume(async (delivery) => {
    received.push(JSON.parse(delivery.message.body.toString()))
    await delivery.ack()
  })
  return received
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

test('what is due in ten minutes is with the broker until then, and comes once', async () => {
  const queue = new DelayedQueue(memoryBroker(), { name: 'wakes' })
  const received = await receivedBy(queue)
  await queue.send({ n: 1 }, Date.now() + 10 * MINUTE_MS)
  await pass(10 * MINUTE_MS - 1)
  expect(received).toEqual([])
  await pass(1_001)
  expect(received).toEqual([{ n: 1 }])
  await pass(60 * MINUTE_MS)
  expect(received).toHaveLength(1)
})

test('a later one does not keep an earlier one behind it', async () => {
  const queue = new DelayedQueue(memoryBroker(), { name: 'wakes' })
  const received = await receivedBy(queue)
  await queue.send({ n: 'late' }, Date.now() + 50_000)
  await queue.send({ n: 'soon' }, Date.now() + 3_000)
  await queue.send({ n: 'now' }, Date.now())
  await pass(5_000)
  expect(received).toEqual([{ n: 'now' }, { n: 'soon' }])
})

test('where a broker keeps messages for a quarter of an hour at most, one is sent on until it is due', async () => {
  const broker = memoryBroker()
  const delays: number[] = []
  const limited: Broker = Object.create(broker, {
    features: { value: SQS_FEATURES },
    declare: { value: broker.declare.bind(broker) },
    consume: { value: broker.consume.bind(broker) },
    publish: {
      value: async (...[message, route, { delayMs = 0 } = {}]: Parameters<Broker['publish']>) => {
        delays.push(delayMs)
        setTimeout(() => void broker.publish(message, route), delayMs)
      },
    },
  })
  const queue = new DelayedQueue(limited, { name: 'wakes' })
  const received = await receivedBy(queue)
  await queue.send({ n: 1 }, Date.now() + 40 * MINUTE_MS)
  for (let minutes = 0; minutes < 40; minutes += 5) {
    expect(received).toEqual([])
    await pass(5 * MINUTE_MS)
  }
  await pass(1_000)
  expect([received, delays.slice(0, 2)]).toEqual([[{ n: 1 }], [900_000, 900_000]])
})

test('a message that could not be worked on comes again', async () => {
  const queue = new DelayedQueue(memoryBroker(), { name: 'wakes' })
  let attempts = 0
  await queue.consume(async (delivery) => {
    attempts += 1
    if (attempts === 1) throw new Error('no')
    await delivery.ack()
  })
  await queue.send({ n: 1 }, Date.now())
  await pass(500)
  expect(attempts).toBe(1)
  await pass(1_000)
  expect(attempts).toBe(2)
})

test.each(['soon', 'Infinity', null])(
  'a message whose moment is %s, as another program may have written it, is due',
  async (dueAt) => {
    const broker = memoryBroker()
    const queue = new DelayedQueue(broker, { name: 'wakes' })
    const received = await receivedBy(queue)
    const message = { headers: { 'x-due-at': dueAt }, properties: {}, body: Buffer.from('1') }
    await broker.publish(message, { exchange: '', routingKey: 'wakes' })
    await pass(1_000)
    expect(received).toEqual([1])
  },
)

test('what a vault publishes is due, though the clock of this process is behind that of the vault', async () => {
  const broker = memoryBroker()
  const vault = {
    hold: async ({ message, route }: WaitingMessage) => await broker.publish(message, route),
  }
  const queue = new DelayedQueue(broker, { name: 'wakes', vault })
  const received = await receivedBy(queue)
  await queue.send({ n: 1 }, Date.now() + 2_000)
  await pass(100)
  expect(received).toEqual([{ n: 1 }])
})

test('a broker that keeps nothing back is refused', () => {
  const broker = Object.create(memoryBroker(), {
    features: { value: { ...SQS_FEATURES, longestDelayMs: 0 } },
  })
  expect(() => new DelayedQueue(broker, { name: 'wakes' })).toThrow('keeps no message back')
})

test('Amazon SQS keeps a message back until it is due', async () => {
  const queue = new DelayedQueue((await sqsSpace()).open(), { name: 'flows.default' })
  const dueAt = Date.now() + 2_000
  await queue.send({ n: 1 }, dueAt)
  const receivedAt: number[] = []
  const subscription = await queue.consume(async (delivery) => {
    receivedAt.push(Date.now())
    await delivery.ack()
  })
  onTestFinished(() => subscription.close())
  await waitFor('the message', () => receivedAt.length > 0)
  expect(receivedAt[0]).toBeGreaterThanOrEqual(dueAt)
})
