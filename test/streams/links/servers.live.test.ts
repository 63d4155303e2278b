import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { silentLogger } from '../../../src/logger.ts'
import { amqp, Block, json, operator, raw, redis, text } from '../../../src/streams/index.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const same = operator((message: unknown) => message)
const failsOnTwo = operator((n: number) => {
  if (n === 2) throw new Error('no twos')
  return n
})

function client(): Redis {
  const made = new Redis(service('REDIS_URL'))
  onTestFinished(() => made.disconnect())
  return made
}

test('redis channels carry exact bytes both ways', async () => {
  const url = service('REDIS_URL')
  const [from, to] = [randomUUID(), randomUUID()]
  const out = new Collector<Buffer>()
  const end = new Block('end', same, { listeners: [redis.subscribe(url, to)], publishers: [out] })
  const middle = new Block('middle', same, {
    listeners: [redis.subscribe(url, from)],
    publishers: [redis.publish(url, to)],
  })
  await Promise.all([end.start(), middle.start()])
  const bytes = Buffer.from([0xff, 0x00, 0xfe])
  await client().publish(from, bytes)
  await waitFor('the bytes', () => out.messages.length === 1)
  await Promise.all([end.stop(), middle.stop()])
  expect(out.messages[0]).toEqual(bytes)
})

test('a full block does not read its redis channel: what waits does so at Redis, and comes in order', async () => {
  const url = service('REDIS_URL')
  const channel = randomUUID()
  const gate = deferred()
  const out = new Collector<Buffer>()
  const block = new Block(
    'slow',
    operator(async (message: Buffer) => {
      await gate.promise
      return message.readUInt32BE()
    }),
    {
      listeners: [redis.subscribe(url, channel)],
      publishers: [out],
      queue: { limit: 4 },
    },
  )
  await block.start()
  const admin = client()
  const messages = 2_000
  for (let n = 0; n < messages; n += 1) {
    const bytes = Buffer.alloc(10_000)
    bytes.writeUInt32BE(n)
    await admin.publish(channel, bytes)
  }
  expect(block.stats.received).toBeLessThan(100)
  gate.resolve()
  await waitFor('all of them', () => out.messages.length === messages)
  await block.stop()
  expect(out.messages).toEqual(Array.from({ length: messages }, (_, n) => n))
})

test('a listener of a redis channel that is removed from a full block brings no more messages', async () => {
  const url = service('REDIS_URL')
  const channel = randomUUID()
  const gate = deferred()
  const out = new Collector<Buffer>()
  const waits = operator(async (message: Buffer) => {
    await gate.promise
    return message
  })
  const listener = redis.subscribe(url, channel)
  const block = new Block('full', waits, {
    listeners: [listener, redis.subscribe(url, randomUUID())],
    publishers: [out],
    queue: { limit: 4 },
  })
  await block.start()
  const admin = client()
  for (let n = 0; n < 2_000; n += 1) await admin.publish(channel, Buffer.alloc(10_000))
  await block.removeListener(listener)
  gate.resolve()
  await waitFor('its end', async () => (await admin.publish(channel, 'late')) === 0)
  await waitFor('what it had', () => out.messages.length === block.stats.received)
  await block.stop()
  expect(out.messages.length).toBeLessThan(100)
})

test('redis streams: one field, acknowledged after publishing, failures among the dead letters', async () => {
  const url = service('REDIS_URL')
  const [from, to, group] = [randomUUID(), randomUUID(), 'g']
  const admin = client()
  await new Block('fill', same, {
    listeners: [[1, 2, 3]],
    publishers: [redis.addStream(url, from, { codec: json() })],
  }).run()
  expect((await admin.xrange(from, '-', '+')).map(([, fields]) => fields)).toEqual([
    ['data', '1'],
    ['data', '2'],
    ['data', '3'],
  ])
  const block = new Block('work', failsOnTwo as never, {
    listeners: [redis.readStream(url, from, { group, consumer: 'c1', codec: json() })],
    publishers: [redis.addStream(url, to, { codec: json() })],
    logger: silentLogger,
  })
  await block.start()
  await waitFor('two results', async () => (await admin.xlen(to)) === 2)
  await waitFor('one dead letter', async () => (await admin.xlen(`dlq.${from}`)) === 1)
  await waitFor('all settled', async () => (await admin.xpending(from, group))[0] === 0)
  await block.stop()
  expect((await admin.xrange(to, '-', '+')).map(([, fields]) => fields[1])).toEqual(['1', '3'])
  expect((await admin.xrange(`dlq.${from}`, '-', '+'))[0]?.[1]).toContain('2')
})

test('a redis consumer takes over what a dead one held', async () => {
  const url = service('REDIS_URL')
  const key = randomUUID()
  const admin = client()
  await admin.xgroup('CREATE', key, 'g', '0', 'MKSTREAM')
  await admin.xadd(key, '*', 'data', 'held')
  await admin.xreadgroup('GROUP', 'g', 'dead', 'COUNT', 1, 'STREAMS', key, '>')
  const out = new Collector()
  const block = new Block('heir', same, {
    listeners: [
      redis.readStream(url, key, {
        group: 'g',
        consumer: 'alive',
        claimAfterMs: 50,
        codec: text(),
      }),
    ],
    publishers: [out],
    logger: silentLogger,
  })
  await block.start()
  await waitFor('the message', () => out.messages.length === 1)
  expect(block.stats.repeated).toBe(1)
  await block.stop()
  expect(out.messages).toEqual(['held'])
})

test('what a consumer still works on is taken neither by a peer on its host nor by itself again', async () => {
  const url = service('REDIS_URL')
  const key = randomUUID()
  const admin = client()
  const gate = deferred()
  const out = new Collector()
  const consume = () =>
    new Block(
      'slow',
      operator(async (message: unknown) => {
        await gate.promise
        return message
      }),
      {
        listeners: [redis.readStream(url, key, { group: 'g', claimAfterMs: 150, codec: text() })],
        publishers: [out],
        logger: silentLogger,
      },
    )
  const [first, second] = [consume(), consume()]
  await first.start()
  await admin.xadd(key, '*', 'data', 'slow')
  await waitFor('the message', () => first.stats.received === 1)
  await second.start()
  await sleep(600)
  expect([first.stats.received, second.stats.received]).toEqual([1, 0])
  gate.resolve()
  await waitFor('the result', () => out.messages.length === 1)
  await waitFor('the end', async () => (await admin.xpending(key, 'g'))[0] === 0)
  await Promise.all([first.stop(), second.stop()])
  expect(await admin.xinfo('CONSUMERS', key, 'g')).toEqual([])
})

test('amqp: acknowledged after publishing, headers kept, failures in dlq.<queue>', async () => {
  const { url } = await freshVhost()
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  const headers = { run: 'r1', message: 7, traceparent: '00-a-b-01' }
  await new Block('declare', same, {
    listeners: [[]],
    publishers: [amqp.publish(broker, 'in'), amqp.publish(broker, 'out')],
  }).run()
  for (const n of [1, 2, 3]) {
    await broker.publish(
      { headers, properties: {}, body: Buffer.from(String(n)) },
      { exchange: '', routingKey: 'in' },
    )
  }
  const block = new Block('work', failsOnTwo as never, {
    listeners: [amqp.consume(url, 'in', { codec: json() })],
    publishers: [amqp.publish(broker, 'out', { codec: json() })],
    logger: silentLogger,
  })
  await block.start()
  await waitFor('two results', async () => (await broker.depth('out')).messages === 2)
  await waitFor('a dead letter', async () => block.stats.failed === 1)
  await block.stop()
  expect((await broker.depth('in')).messages).toBe(0)
  expect((await broker.depth('dlq.in')).messages).toBe(1)
  const first = await broker.get('out')
  expect(first?.message).toMatchObject({ headers, properties: { contentType: 'application/json' } })
  expect(String(first?.message.body)).toBe('1')
})

test('amqp: what was not worked on goes back to the queue', async () => {
  const { url } = await freshVhost()
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  await new Block('fill', same, {
    listeners: [Array.from({ length: 100 }, (_, n) => `m${n}`)],
    publishers: [amqp.publish(broker, 'in')],
  }).run()
  const stuck = operator(() => new Promise(() => undefined))
  const block = new Block('stuck', stuck, {
    listeners: [amqp.consume(broker, 'in')],
    queue: { limit: 10 },
    logger: silentLogger,
  })
  await block.start()
  await waitFor('a full queue', async () => (await broker.depth('in')).messages === 90)
  await block.stop({ graceMs: 10 })
  await waitFor('all back', async () => (await broker.depth('in')).messages === 100)
})

test('amqp: exchanges bind queues, and streams are read from the beginning each time', async () => {
  const { url } = await freshVhost()
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  const out = new Collector()
  const bound = new Block('bound', same, {
    listeners: [
      amqp.consume(broker, 'q', {
        exchange: 'x',
        exchangeType: 'topic',
        routingKey: 'peaks.*',
        codec: text(),
      }),
    ],
    publishers: [out],
  })
  await bound.start()
  await new Block('fill', same, {
    listeners: [['a', 'b']],
    publishers: [
      amqp.publish(broker, { exchange: 'x', routingKey: 'peaks.1' }),
      amqp.publish(broker, 's', { stream: true }),
    ],
  }).run()
  await waitFor('both', () => out.messages.length === 2)
  await bound.stop()
  for (let round = 0; round < 2; round += 1) {
    const again = new Collector()
    const reader = new Block('reader', same, {
      listeners: [amqp.consume(broker, 's', { stream: { offset: 'first' }, codec: text() })],
      publishers: [again],
    })
    await reader.start()
    await waitFor('both of the stream', () => again.messages.length === 2)
    await reader.stop()
    expect(again.messages).toEqual(['a', 'b'])
  }
  expect(raw().name).toBe('raw')
})
