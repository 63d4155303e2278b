import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport, type TransportHeader } from '../../src/recipes/index.ts'
import { Schlockmeister } from '../../src/services/schlockmeister.ts'
import { siteWith } from '../support/listed-queues.ts'
import { waitFor } from '../support/wait-for.ts'

test('a message that is given back for ever becomes a dead letter with its history, the next one is left alone', async () => {
  const name = randomUUID()
  const config = await siteWith({
    name: 'loop',
    vhost: '/',
    messages: 2,
    message_stats: { redeliver_details: { rate: 50 }, ack_details: { rate: 0 } },
  })
  const transport = new MemoryTransport({ name, deliveryLimit: 10_000 })
  onTestFinished(() => transport.disconnect())
  const dead: [TransportHeader, unknown][] = []
  const taken: unknown[] = []
  await transport.subscribe('dlq.loop', (header, message) => void dead.push([header, message]))
  // A service that dies of the one message and is started again, over and over.
  const live = async (): Promise<void> => {
    const id: number = await transport.subscribe(
      'loop',
      async (header, message) => {
        if (message === 'fine') {
          taken.push(message)
          return await transport.ack(header)
        }
        await transport.unsubscribe(id)
        await new Promise((resolve) => setTimeout(resolve, 20))
        if (dead.length === 0 || taken.length === 0) await live()
      },
      { acknowledgement: true },
    )
  }
  await live()
  await transport.send('loop', 'poison', { headers: { own: 1 } })
  const service = new Schlockmeister({
    transport: new MemoryTransport({ name, deliveryLimit: 10_000 }),
    config,
    environment: { every: 0.02 },
  })
  await service.start()
  onTestFinished(() => service.stop())
  await waitFor('the dead letter', () => dead.length === 1)
  await transport.send('loop', 'fine')
  await waitFor('the other message', () => taken.length === 1)
  expect(dead).toMatchObject([
    [{ own: 1, 'x-death': [{ queue: 'loop', reason: 'redelivered' }] }, 'poison'],
  ])
})

test('a queue with a delivery limit is left to RabbitMQ', async () => {
  const name = randomUUID()
  const config = await siteWith({
    name: 'limited',
    vhost: '/',
    arguments: { 'x-delivery-limit': 5 },
    message_stats: { redeliver_details: { rate: 50 } },
  })
  const transport = new MemoryTransport({ name })
  onTestFinished(() => transport.disconnect())
  const service = new Schlockmeister({ transport, config, environment: { every: 0.02 } })
  await service.start()
  onTestFinished(() => service.stop())
  expect(transport.subscribedQueues).toEqual([])
})
