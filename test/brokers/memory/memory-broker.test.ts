import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker, Delivery } from '../../../src/brokers/broker.ts'
import { MEMORY_FEATURES } from '../../../src/brokers/features.ts'
import { MemoryBroker } from '../../../src/brokers/memory/memory-broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { brokerContract } from '../../contracts/broker-contract.ts'
import { waitFor } from '../../support/wait-for.ts'

brokerContract({
  name: 'memory',
  features: MEMORY_FEATURES,
  makeSpace: async () => {
    const name = randomUUID()
    return {
      open: () => new MemoryBroker(name),
      deleteQueue: async (queue) => new MemoryBroker(name).deleteQueue(queue),
      loseConnection: async (broker) => {
        const memory = memoryOf(broker)
        memory.simulateLoss()
        await new Promise((resolve) => setImmediate(resolve))
        memory.simulateRestore()
      },
    }
  },
})

const work = { exchanges: [], queues: [durableQueue('work')], bindings: [] }
const route = { exchange: '', routingKey: 'work' }

test('everyone who opens the same memory url shares one broker, others do not', async () => {
  const [one, same, other] = await Promise.all(
    ['memory://shared', 'memory://shared/', 'memory://alone'].map(opened),
  )
  await one?.declare(work)
  await one?.publish(bodyOf('x'), route)
  expect((await same?.depth('work'))?.messages).toBe(1)
  await expect(other?.depth('work')).rejects.toMatchObject({ code: 'QUEUE_MISSING' })
})

test('a memory url without a name is the one called default', async () => {
  const nameless = await opened('memory://')
  expect(nameless.safeUrl).toBe('memory://default')
})

test('a publish while the connection is away is given up at its deadline', async () => {
  const broker = memoryOf(await opened(`memory://${randomUUID()}`))
  await broker.declare(work)
  broker.simulateLoss()
  await expect(broker.publish(bodyOf('x'), route, { deadlineMs: 20 })).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('routing key "work"'),
  })
})

test('a message counts its deliveries', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  await broker.declare(work)
  await broker.publish(bodyOf('x'), route)
  for (const attempt of [1, 2, 3]) {
    const delivery = await broker.get('work')
    expect(delivery?.attempt).toBe(attempt)
    await delivery?.requeue()
  }
})

test('a message with no time left goes to a waiting consumer, or nowhere', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  await broker.declare(work)
  const urgent = { ...bodyOf('now'), properties: { expiration: '0' } }
  await broker.publish(urgent, route)
  expect((await broker.depth('work')).messages).toBe(0)
  const held: Delivery[] = []
  await broker.consume('work', { prefetch: 1 }, (delivery) => held.push(delivery))
  await broker.publish(urgent, route)
  await waitFor('the delivery', () => held.length === 1)
})

test('messages that expire in a circle of queues end there', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  const circle = (name: string, next: string) =>
    durableQueue(name, {
      'x-message-ttl': 0,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': next,
    })
  await broker.declare({ ...work, queues: [circle('a', 'b'), circle('b', 'a')] })
  await broker.publish(bodyOf('x'), { exchange: '', routingKey: 'a' })
  expect((await broker.depth('a')).messages + (await broker.depth('b')).messages).toBe(0)
})

test('a queue that deletes itself does so when its last consumer leaves', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  await broker.declare({ ...work, queues: [{ ...durableQueue('work'), autoDelete: true }] })
  const subscription = await broker.consume('work', { prefetch: 1 }, () => undefined)
  await subscription.close()
  await expect(broker.depth('work')).rejects.toMatchObject({ code: 'QUEUE_MISSING' })
})

test('an exclusive queue is refused to other connections and gone with its own', async () => {
  const url = `memory://${randomUUID()}`
  const [owner, other] = [await opened(url), await opened(url)]
  const mine = { ...work, queues: [{ ...durableQueue('work'), exclusive: true }] }
  await owner.declare(mine)
  await expect(other.declare(mine)).rejects.toMatchObject({
    code: 'DECLARE_REFUSED',
    message: expect.stringContaining('exclusive to another connection'),
  })
  await owner.close()
  await expect(other.depth('work')).rejects.toMatchObject({ code: 'QUEUE_MISSING' })
})

test('binding to what does not exist is refused, naming it', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  const bindings = [{ exchange: 'gone', queue: 'work', routingKey: '#' }]
  await expect(broker.declare({ ...work, bindings })).rejects.toMatchObject({
    code: 'DECLARE_REFUSED',
    message: expect.stringContaining('exchange "gone"'),
  })
})

test('a publisher that never pauses leaves the consumer its turns', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  await broker.declare(work)
  let received = 0
  await broker.consume('work', { prefetch: 100 }, (delivery) => {
    received += 1
    void delivery.ack()
  })
  for (let sent = 0; sent < 5000; sent += 1) await broker.publish(bodyOf('x'), route)
  expect(received).toBeGreaterThan(2000)
})

test('memory stays flat over 50,000 messages', async () => {
  const broker = await opened(`memory://${randomUUID()}`)
  await broker.declare(work)
  let received = 0
  await broker.consume('work', { prefetch: 100 }, (delivery) => {
    received += 1
    void delivery.ack()
  })
  const pass = async (count: number): Promise<number> => {
    const target = received + count
    for (let sent = 0; sent < count; sent += 1) await broker.publish(bodyOf('x'.repeat(300)), route)
    await waitFor('all deliveries', () => received === target)
    return process.memoryUsage().heapUsed
  }
  const before = await pass(10_000)
  const after = await pass(50_000)
  expect(after - before).toBeLessThan(30 * 1024 * 1024)
})

async function opened(url: string): Promise<Broker> {
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  return broker
}

function memoryOf(broker: Broker): MemoryBroker {
  if (broker instanceof MemoryBroker) return broker
  throw new TypeError(`expected a memory broker, got ${broker.kind}`)
}

function bodyOf(text: string) {
  return { headers: {}, properties: {}, body: Buffer.from(text) }
}
