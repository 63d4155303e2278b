import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { BrokerError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/logger.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { amqp, Block, json, operator } from '../../../src/streams/index.ts'
import { waitFor } from '../../support/wait-for.ts'

const refusesTwo = operator((n: number) => {
  if (n === 2) throw new Error('no twos')
  return n
})

function memoryBroker(): Broker {
  const broker = openBroker({ url: `memory://${randomUUID()}` })
  onTestFinished(() => broker.close())
  return broker
}

async function startWith(broker: Broker, bodies: readonly number[], headers = {}) {
  await broker.declare({ exchanges: [], queues: [durableQueue('in')], bindings: [] })
  for (const n of bodies) {
    await broker.publish(
      { headers, properties: { userId: 'beamline' }, body: Buffer.from(String(n)) },
      { exchange: '', routingKey: 'in' },
    )
  }
  const block = new Block('work', refusesTwo as never, {
    listeners: [amqp.consume(broker, 'in', { codec: json() })],
    queue: { limit: 2 },
    logger: silentLogger,
  })
  await block.start()
  return block
}

test('a dead letter says why, and does not keep the headers and the user that a broker would refuse', async () => {
  const broker = memoryBroker()
  const block = await startWith(broker, [2], { run: 'r1', CC: ['elsewhere'] })
  await waitFor('the failure', () => block.stats.failed === 1)
  await block.stop()
  const letter = await broker.get('dlq.in')
  expect(letter?.message.properties.userId).toBeUndefined()
  expect(letter?.message.headers).toMatchObject({
    run: 'r1',
    'x-dlq-code': 'STREAM_MESSAGE_FAILED',
    'x-dlq-reason': expect.stringMatching(/no twos; headers cut: CC/),
    'x-dlq-user-id': 'beamline',
  })
  expect(letter?.message.headers).not.toHaveProperty('CC')
})

test('a message that cannot be moved to the dead letters is held and its queue paused, not delivered again and again', async () => {
  const broker = memoryBroker()
  const publish = broker.publish.bind(broker)
  let isRefusing = true
  const tries = vi.spyOn(broker, 'publish').mockImplementation(async (message, route, options) => {
    if (isRefusing && route.routingKey === 'dlq.in') {
      throw new BrokerError('PUBLISH_REFUSED', 'the dead letters are full')
    }
    await publish(message, route, options)
  })
  const block = await startWith(broker, [2])
  await waitFor('the failure', () => block.stats.failed === 1)
  await waitFor('a pause', async () => (await broker.depth('in')).consumers === 0)
  expect(block.stats.received).toBe(1)
  tries.mockClear()
  isRefusing = false
  await waitFor('the letter', () => tries.mock.calls.length === 1)
  await waitFor('consuming again', async () => (await broker.depth('in')).consumers === 1)
  expect(block.stats.received).toBe(1)
  await block.stop()
  expect((await broker.depth('dlq.in')).messages).toBe(1)
})

test('a stop gives a held message back to its queue', async () => {
  const broker = memoryBroker()
  const publish = broker.publish.bind(broker)
  vi.spyOn(broker, 'publish').mockImplementation(async (message, route, options) => {
    if (route.routingKey === 'dlq.in') throw new BrokerError('PUBLISH_REFUSED', 'full')
    await publish(message, route, options)
  })
  const block = await startWith(broker, [2])
  await waitFor('a pause', async () => (await broker.depth('in')).consumers === 0)
  await block.stop()
  expect((await broker.depth('in')).messages).toBe(1)
})
