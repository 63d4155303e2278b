import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { silentLogger } from '../../src/logger.ts'
import { durableQueue } from '../../src/protocol/routing/topology.ts'
import { ackWith, MemoryTransport, type TransportHeader } from '../../src/recipes/index.ts'
import { BrokerSubscription } from '../../src/recipes/transport/broker-subscription.ts'
import { waitFor } from '../support/wait-for.ts'

test('a rejected message that cannot be moved to the dead letters comes again and can be settled then', async () => {
  const { subscription, ids, buried, mend } = await subscribed({ limit: 5 })
  const [first = 0] = await waitFor('the message', () => ids.length === 1 && ids)
  const rejecting = subscription.settle({ messageId: first, how: 'reject' })
  await expect(rejecting).rejects.toThrow('no dead letters')
  mend()
  const [, second = 0] = await waitFor('it again', () => ids.length === 2 && ids)
  await subscription.settle({ messageId: second, how: 'reject' })
  expect(buried).toEqual(['rejected'])
})

test('a message given back too often that cannot be moved to the dead letters is moved when it comes again', async () => {
  const { subscription, ids, buried, mend } = await subscribed({ limit: 0 })
  const [first = 0] = await waitFor('the message', () => ids.length === 1 && ids)
  const giving = subscription.settle({ messageId: first, how: 'requeue' })
  await expect(giving).rejects.toThrow('no dead letters')
  mend()
  await waitFor('its move', () => buried.length === 1)
  expect([ids, buried]).toEqual([[first], ['delivery_limit']])
})

test('a message over its delivery limit is not delivered: it is moved to the dead letters once they take it, and the log says why not before', async () => {
  const { ids, buried, mend, lines } = await subscribed({ limit: -1 })
  await waitFor('the failure', () => lines.length === 1)
  expect(lines).toEqual(['cannot move a message to the dead letters, trying again'])
  mend()
  await waitFor('its move', () => buried.length === 1)
  expect(ids).toEqual([])
})

test('ackWith aborts its transaction when the send fails, and the message can be given back', async () => {
  await using transport = new MemoryTransport({ name: randomUUID() })
  const headers: TransportHeader[] = []
  await transport.subscribe('work', (header) => void headers.push(header), {
    acknowledgement: true,
  })
  await transport.send('work', 1)
  const [header] = await waitFor('the message', () => headers.length === 1 && headers)
  const failing = ackWith(
    transport,
    header!,
    async () => await Promise.reject(new Error('no send')),
  )
  await expect(failing).rejects.toThrow('no send')
  await transport.nack(header!)
  await waitFor('it again', () => headers.length === 2)
  expect(transport.isReconnectable).toBe(false)
})

/** A subscription with one message, which cannot be moved to the dead letters before `mend()`. */
async function subscribed({ limit }: { limit: number }) {
  const broker = openBroker({ url: `memory://${randomUUID()}` })
  onTestFinished(() => broker.close())
  await broker.declare({ exchanges: [], queues: [durableQueue('work')], bindings: [] })
  const ids: number[] = []
  const buried: string[] = []
  const lines: string[] = []
  let isBroken = true
  const keep = (fields: object | string, text = String(fields)): void => void lines.push(text)
  const subscription = new BrokerSubscription({
    plan: {
      id: 1,
      kind: 'queue',
      name: 'work',
      options: { acknowledgement: true },
      receive: ({ 'message-id': id }) => void ids.push(Number(id)),
    },
    queue: 'work',
    limit,
    log: { ...silentLogger, error: keep },
    send: async () => undefined,
    bury: async (delivery, reason) => {
      if (isBroken) throw new Error('no dead letters')
      buried.push(reason)
      await delivery.ack()
    },
  })
  onTestFinished(() => subscription.close())
  await subscription.consume(broker, 1)
  const route = { exchange: '', routingKey: 'work' }
  await broker.publish({ headers: {}, properties: {}, body: Buffer.from('1') }, route)
  const mend = (): void => {
    isBroken = false
  }
  return { subscription, ids, buried, lines, mend }
}
