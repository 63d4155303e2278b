import { randomUUID } from 'node:crypto'
import { Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../../src/logger.ts'
import { Block, json, kafka, operator, text, withHeaders } from '../../../../src/streams/index.ts'
import { type RunningKafka, startKafka } from '../../../support/kafka.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { Collector } from '../../support/parts.ts'

let server: RunningKafka
beforeAll(async () => {
  server = await startKafka()
}, 180_000)
afterAll(async () => await server?.stop())

const same = operator((message: unknown) => message)

async function send(topic: string, words: readonly string[]): Promise<void> {
  await new Block('send', same, {
    listeners: [words],
    publishers: [kafka.publish(server.broker, topic, { codec: text() })],
  }).run()
}

test('messages with headers and keys go through Kafka, and a group reads on where it has committed', async () => {
  const topic = randomUUID()
  await new Block(
    'send',
    operator((n: number) => withHeaders(n, { run: 'r1' })),
    {
      listeners: [[1, 2, 3]],
      publishers: [kafka.publish(server.broker, topic, { codec: json(), key: () => 'one' })],
    },
  ).run()
  const out = new Collector()
  const read = new Block('read', same, {
    listeners: [kafka.consume(server.broker, topic, { group: topic, codec: json() })],
    publishers: [out],
  })
  await read.start()
  await waitFor('three messages', () => out.messages.length === 3, { deadlineMs: 30_000 })
  await read.stop()
  expect(out.messages).toEqual([1, 2, 3])
  expect(out.headers[0]).toEqual({ run: 'r1' })
  await send(topic, ['4'])
  await read.start()
  await waitFor('the fourth', () => out.messages.length === 4, { deadlineMs: 30_000 })
  await read.stop()
  expect(out.messages).toEqual([1, 2, 3, 4])
})

test('a message that stops its block is not committed, and is read again by the next', async () => {
  const topic = randomUUID()
  await send(topic, ['a', 'b', 'c'])
  const out = new Collector()
  const parts = {
    listeners: [kafka.consume(server.broker, topic, { group: topic, codec: text() })],
    publishers: [out],
    onError: 'stop',
    logger: silentLogger,
  } as const
  const stops = operator((word: string) => {
    if (word === 'b') throw new Error('no b')
    return word
  })
  await expect(new Block('stops', stops as never, parts).run()).rejects.toThrow(/no b/)
  const next = new Block('next', same, parts)
  await next.start()
  await waitFor('the others', () => out.messages.length === 3, { deadlineMs: 30_000 })
  await next.stop()
  expect(out.messages).toEqual(['a', 'b', 'c'])
})

test('another Kafka client reads what a block publishes, and is read by one', async () => {
  const [from, to] = [randomUUID(), randomUUID()]
  const options = { clientId: 'peer', bootstrapBrokers: [server.broker] }
  const producer = new Producer({ ...options, autocreateTopics: true })
  const consumer = new Consumer({ ...options, groupId: to })
  onTestFinished(async () => {
    await consumer.close(true)
    await producer.close()
  })
  const bytes = Buffer.from([0xff, 0x00, 0xfe])
  await producer.send({ acks: -1, messages: [{ topic: from, value: bytes }] })
  const middle = new Block('middle', same, {
    listeners: [kafka.consume(server.broker, from)],
    publishers: [kafka.publish(server.broker, to)],
  })
  await middle.start()
  await waitFor('the message', () => middle.stats.published === 1, { deadlineMs: 30_000 })
  await middle.stop()
  const stream = await consumer.consume({ topics: [to], mode: MessagesStreamModes.EARLIEST })
  for await (const { value } of stream) {
    expect(value).toEqual(bytes)
    break
  }
})
