import { expect, onTestFinished, test } from 'vitest'
import {
  DisconnectedError,
  openTransport,
  type TransportHeader,
} from '../../../src/recipes/index.ts'
import { listen } from '../../contracts/transport-contract.ts'
import { captured } from '../../support/captured.ts'
import { zocaloSite } from '../../support/recipes.ts'
import { waitFor } from '../../support/wait-for.ts'

interface Published {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: { readonly expiration?: string; readonly delivery_mode: number }
  readonly headers: Readonly<Record<string, { readonly value: unknown }>>
  readonly body: string
}

const capture = captured<{ readonly published: readonly Published[] }>('transport')

test('every call publishes byte for byte what pika publishes', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  const queue = await site.queue('cap.classic', 'classic')
  const waiting = await site.queue('processing_recipe', 'classic')
  const results = await site.queue('cap.results', 'classic')
  await site.broker.declare({
    exchanges: [
      { name: 'results', type: 'topic', durable: true, autoDelete: false, arguments: {} },
      { name: 'cap.announce', type: 'fanout', durable: true, autoDelete: false, arguments: {} },
      { name: 'transient.status', type: 'fanout', durable: true, autoDelete: false, arguments: {} },
    ],
    queues: [],
    bindings: [
      { exchange: 'results', queue: results, routingKey: 'cap.#' },
      { exchange: 'cap.announce', queue: results, routingKey: '' },
      { exchange: 'transient.status', queue: results, routingKey: '' },
    ],
  })
  const value = new Map<string, unknown>([
    ['k', [1, 2.5, true, null, 'é']],
    ['d', 1.5],
    ['nan', Number.NaN],
    ['5', 'int key'],
  ])
  await transport.send(queue, value)
  await transport.send(queue, 'plain text')
  await transport.send(queue, [])
  await transport.rawSend(queue, 'not json at all')
  const headers = {
    s: 'text',
    t: true,
    f: false,
    i: 5,
    neg: -5,
    big: 5_000_000_000,
    none: null,
    list: [1, 'a'],
    table: { x: 1 },
  }
  await transport.send(queue, { a: 1 }, { headers })
  await transport.send(queue, { a: 2 }, { expiration: 0 })
  await transport.send(queue, { a: 3 }, { expiration: 20 })
  await transport.send(queue, { a: 4 }, { delay: 0 })
  await transport.send(waiting, { a: 5 }, { delay: 1.25, exchange: 'results' })
  await transport.send(results, { a: 6 }, { exchange: 'results' })
  await transport.send('cap.x.y', { a: 7 }, { exchange: 'results' })
  await transport.broadcast('cap.announce', { to: 'all' })
  await transport.broadcast('cap.announce', { to: 'all' }, { expiration: 3 })
  await transport.rawBroadcast('cap.announce', 'raw')
  await transport.broadcastStatus({ host: 'h.1', status: 4, workflows: '3.5', anything: 'else' })
  const ours = [
    ...(await site.messages(queue, 8)),
    ...(await site.messages(waiting, 1)),
    ...(await site.messages(results, 6)),
  ]
  const theirs = capture.published.filter(
    ({ body, routing_key: key }) =>
      !body.includes('bytes') &&
      !body.includes('tx') &&
      key !== 'no.such.queue' &&
      !body.includes('after'),
  )
  expect(ours.map(shapeOf)).toEqual(theirs.map(shapeOfCapture))
})

test('status broadcasts without their fields, and messages that no consumer takes, are refused', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  await expect(transport.broadcastStatus({ host: 'h.1' })).rejects.toThrow(
    'Missing required field(s) for status broadcast: status, workflows',
  )
  await expect(transport.send('no.such.queue', {})).rejects.toThrow(
    'no queue took the message to queue "no.such.queue"',
  )
  const transaction = await transport.transactionBegin()
  await transport.send('no.such.queue', {}, { transaction })
  await expect(transport.transactionCommit(transaction)).rejects.toThrow('no queue took')
})

test('what the broker refuses fails the call, and the next one works', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  const queue = await site.queue()
  await expect(transport.send(queue, {}, { exchange: 'nowhere' })).rejects.toThrow('NOT_FOUND')
  await expect(transport.broadcast('nowhere', {})).rejects.toThrow('NOT_FOUND')
  await expect(transport.subscribe('nowhere', () => undefined)).rejects.toThrow(
    "no queue 'nowhere'",
  )
  await expect(transport.subscribeBroadcast('nowhere', () => undefined)).rejects.toThrow(
    "no exchange 'nowhere'",
  )
  await transport.send(queue, 'fine', { expiration: 1.5 })
  expect(transport.isConnected).toBe(true)
  const [message] = await site.messages(queue, 1)
  expect(message?.properties.expiration).toBe('1500')
})

test('an exclusive subscription keeps a second consumer out', async () => {
  const site = await zocaloSite()
  const queue = await site.queue(undefined, 'classic')
  await listen(site.open(), queue, { exclusive: true })
  await expect(listen(site.open(), queue)).rejects.toThrow(/exclusive/)
})

test('consumers and temporary queues look as those of pika', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  await listen(transport, await site.queue('cap.updates'), { acknowledgement: true })
  await transport.subscribeTemporary('hello', () => undefined)
  await transport.subscribeTemporary(null, () => undefined)
  await transport.subscribeBroadcast(await site.topic('cap.announce'), () => undefined)
  const fields = ['queue_name', 'consumer_tag', 'ack_required', 'prefetch_count']
  const consumers = await site.vhost.rabbitmqctl(
    'list_consumers',
    ...fields,
    '-q',
    '--no-table-headers',
  )
  const rows = consumers
    .trim()
    .split('\n')
    .map((line) => line.split('\t').slice(1, 4).join(' '))
  expect(rows.sort()).toEqual(['1 true 1', '2 false 0', '3 false 0', '4 false 0'])
})

test('a lost connection is made again, and what was in hand comes again', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  const queue = await site.queue()
  const inbox = await listen(transport, queue, { acknowledgement: true })
  await transport.send(queue, 'x')
  const [{ header }] = await inbox.take(1)
  const transaction = await transport.transactionBegin({ subscriptionId: inbox.id })
  await transport.ack(header, { transaction })
  await site.vhost.closeConnections()
  const again = await waitFor('the message again', () => inbox.all[1])
  expect(again.header).toMatchObject({ 'message-id': 2, redelivered: true })
  await expect(transport.transactionCommit(transaction)).rejects.toBeInstanceOf(DisconnectedError)
  await transport.ack(header) // of the connection that is gone: nothing to tell
  await transport.ack(again.header)
  await transport.send(queue, 'y')
  expect((await inbox.take(3))[2]?.message).toBe('y')
})

test('a queue that is deleted and made again is consumed again', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  const queue = await site.queue('comes-and-goes', 'classic')
  const inbox = await listen(transport, queue, { acknowledgement: true })
  await site.vhost.rabbitmqctl('delete_queue', queue)
  await site.broker.close()
  const { openBroker } = await import('../../../src/brokers/open-broker.ts')
  const broker = openBroker({ url: site.vhost.url })
  onTestFinished(() => broker.close())
  const { durableQueue } = await import('../../../src/protocol/routing/topology.ts')
  await broker.declare({ exchanges: [], queues: [durableQueue(queue)], bindings: [] })
  await transport.send(queue, 'there again')
  await inbox.take(1)
})

test('a message that is given back again and again rests where its queue does not count', async () => {
  const site = await zocaloSite()
  const transport = site.open()
  const queue = await site.queue(undefined, 'classic')
  const givenBackAt: number[] = []
  const giveBack = async (header: TransportHeader): Promise<void> => {
    givenBackAt.push(performance.now())
    await transport.nack(header)
  }
  await transport.subscribe(queue, giveBack, { acknowledgement: true })
  await transport.send(queue, 'never taken')
  await waitFor('the third time', () => givenBackAt.length === 3)
  const [, second = 0, third = 0] = givenBackAt
  expect(third - second).toBeGreaterThan(900)
})

test('a broker that is not there is a lost connection', async () => {
  const transport = openTransport('PikaTransport', { host: '127.0.0.1,127.0.0.1', port: '1,2' })
  await expect(transport.connect()).rejects.toBeInstanceOf(DisconnectedError)
  const odd = openTransport('PikaTransport', { host: 'a,b,c', port: '1,2' })
  await expect(odd.send('q', 1)).rejects.toThrow('there are 3 hosts and 2 ports')
})

function shapeOf(message: {
  readonly headers: Readonly<Record<string, unknown>>
  readonly properties: object
  readonly body: Buffer
}) {
  return {
    headers: message.headers,
    properties: message.properties,
    body: message.body.toString(),
  }
}

function shapeOfCapture({ headers, properties, body }: Published) {
  const { expiration, delivery_mode: deliveryMode } = properties
  return {
    headers: plain(headers),
    properties: { deliveryMode, ...(expiration !== undefined && { expiration }) },
    body,
  }
}

/** Captured headers without their types. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('type' in value && 'value' in value) return plain(value.value)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
