import { expect, onTestFinished, test } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { silenceable } from '../../support/silenceable.ts'
import { waitFor } from '../../support/wait-for.ts'

const WORK = { exchanges: [], queues: [durableQueue('work')], bindings: [] }
const ROUTE = { exchange: '', routingKey: 'work' }
const MESSAGE = { headers: {}, properties: {}, body: Buffer.from('x') }

test.each<[string, (broker: AmqpBroker) => Promise<unknown>]>([
  ['a declaration', (broker) => broker.declare(WORK)],
  ['a look at a queue', (broker) => broker.depth('work')],
  ['a get', (broker) => broker.get('work')],
  ['a consumer', (broker) => broker.consume('work', { prefetch: 1 }, () => undefined)],
])('%s that gets no answer is made again over another connection', async (_, ask) => {
  const { broker, way } = await opened()
  await broker.declare(WORK)
  way.swallow()
  await ask(broker)
  expect(way.connections()).toBe(2)
})

test('a consumer and the publishes of a connection that has fallen silent go over another one', async () => {
  const { broker, way } = await opened()
  await broker.declare(WORK)
  let received = 0
  await broker.consume('work', { prefetch: 1 }, (delivery) => {
    received += 1
    void delivery.ack()
  })
  way.swallow()
  await broker.publish(MESSAGE, ROUTE, { deadlineMs: 3_000 })
  expect(way.connections()).toBeGreaterThan(1)
  // The server has heard nothing of the loss, and gives one to the consumer that it still sees.
  for (const _ of [1, 2]) await broker.publish(MESSAGE, ROUTE)
  await waitFor('a message', () => received > 0)
})

test('a broker is closed though its connection has fallen silent', async () => {
  const { broker, way } = await opened()
  await broker.declare(WORK)
  await broker.consume('work', { prefetch: 1 }, () => undefined)
  way.swallow()
  await broker.close()
})

test('a connection whose server does not answer its close keeps no process from its end', async () => {
  const { broker, way } = await opened()
  await broker.declare(WORK)
  way.swallow()
  await broker.close()
  await waitFor('the end of the connection', () => way.open() === 0)
})

async function opened() {
  const way = await silenceable((await freshVhost()).url, 5672)
  const broker = new AmqpBroker({ url: way.url, silentMs: 500 })
  onTestFinished(() => broker.close())
  return { broker, way }
}
