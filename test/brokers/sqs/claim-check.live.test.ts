import { expect, onTestFinished, test } from 'vitest'
import { sleep } from '../../../src/async/sleep.ts'
import type { Delivery } from '../../../src/brokers/broker.ts'
import type { Claims } from '../../../src/brokers/claims.ts'
import { openEnvelope } from '../../../src/brokers/sqs/messages/envelope.ts'
import { SqsBroker } from '../../../src/brokers/sqs/sqs-broker.ts'
import type { Logger } from '../../../src/logger.ts'
import { acceptedSerializer } from '../../../src/protocol/content.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type SqsSpace, sqsSpace } from './fauxqs.ts'

const ROUTE = { exchange: '', routingKey: 'work' }

test('a body that is too large for SQS is kept elsewhere, and arrives as it was', async () => {
  const { space, claims, broker } = await started()
  await broker.publish(large(), ROUTE)
  const text = space.server.inspectQueue(space.nameOf('work'))?.messages.ready[0]?.body ?? ''
  expect(text.length).toBeLessThan(2_000)
  expect(openEnvelope(text, 'work').message.properties.contentType).toBe(
    'application/x-claim-check',
  )
  expect(claims.kept.size).toBe(1)
  const delivery = await firstOf(broker)
  expectWhole(delivery.message, large())
  await delivery.ack()
})

test('what fits travels as ever, and needs no database', async () => {
  const { claims, broker } = await started()
  await broker.publish({ ...large(), body: Buffer.from('{}') }, ROUTE)
  expect((await firstOf(broker)).message.body.toString()).toBe('{}')
  expect(claims.kept.size).toBe(0)
})

test('the compression of the body is named in the ticket, so that a reader expands what it was of', async () => {
  const { space, broker } = await started()
  const sent = { ...large(), headers: { ...large().headers, compression: 'application/x-gzip' } }
  await broker.publish(sent, ROUTE)
  const text = space.server.inspectQueue(space.nameOf('work'))?.messages.ready[0]?.body ?? ''
  expect(openEnvelope(text, 'work').message.headers).not.toHaveProperty('compression')
  expectWhole((await firstOf(broker)).message, sent)
})

test('while the database is away a message comes again, and what fits is not kept up', async () => {
  const { claims, broker } = await started({ visibility_timeout: 1 })
  await broker.publish(large(), ROUTE)
  await broker.publish({ ...large(), body: Buffer.from('{}') }, ROUTE)
  claims.isAway = true
  const seen: Delivery[] = []
  await broker.consume('work', { prefetch: 10 }, (delivery) => {
    seen.push(delivery)
    void delivery.ack()
  })
  await waitFor('the small one', () => seen.length === 1)
  expect(seen[0]?.message.body.toString()).toBe('{}')
  claims.isAway = false
  await waitFor('the large one', () => seen.length === 2, { deadlineMs: 10_000 })
  expectWhole(seen[1]?.message, large())
})

test('a message whose body cannot be fetched comes again in seconds, not after its visibility, and polls rest', async () => {
  const { claims, broker, lines } = await started({ visibility_timeout: 600, wait_time_seconds: 0 })
  for (let n = 0; n < 3; n += 1) await broker.publish(large(), ROUTE)
  claims.isAway = true
  const seen: Delivery[] = []
  await broker.consume('work', { prefetch: 1 }, (delivery) => {
    seen.push(delivery)
    void delivery.ack()
  })
  await waitFor('all of them', () => claims.askedAt.length >= 3)
  claims.isAway = false
  const [first = 0, , third = 0] = claims.askedAt
  expect(third - first).toBeGreaterThan(1_500) // two rests of a second
  await waitFor('the bodies', () => seen.length === 3, { deadlineMs: 10_000 })
  expect(lines.filter((line) => line.includes('the bodies of messages'))).toHaveLength(2)
})

test('the database counts within the deadline of a publish', async () => {
  const { claims, broker } = await started()
  claims.isSilent = true
  const publishing = broker.publish(large(), ROUTE, { deadlineMs: 200 })
  await expect(publishing).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('no answer within 200 ms'),
  })
})

test('nothing overtakes a large message in its group of a FIFO queue, be it small or large', async () => {
  const { claims, broker } = await started({}, 'work.fifo')
  claims.delaysMs.push(300, 100)
  const route = { exchange: '', routingKey: 'work.fifo' }
  const bodies = [700_000, 1, 700_001, 2, 3].map((bytes) => Buffer.alloc(bytes, 'a'))
  await Promise.all(
    bodies.map((body, n) => {
      const message = { ...large(), body, headers: { task: 't', id: `${n}`, root_id: 'one' } }
      return broker.publish(message, route)
    }),
  )
  const order: unknown[] = []
  while (order.length < bodies.length) {
    const delivery = await waitFor('a message', () => broker.get('work.fifo'))
    order.push(delivery.message.headers.id)
    await delivery.ack()
  }
  expect(order).toEqual(['0', '1', '2', '3', '4'])
})

test('where a body cannot be kept, the publish fails and says so', async () => {
  const { claims, broker } = await started()
  claims.isAway = true
  await expect(broker.publish(large(), ROUTE)).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringMatching(/task "export.big" .* CLAIM_CHECK: .*the database is away/),
  })
})

test('a body that is gone is left to the reader, which refuses its ticket', async () => {
  const { claims, broker } = await started()
  await broker.publish(large(), ROUTE)
  claims.kept.clear()
  const { message } = await firstOf(broker)
  expect(message.properties.contentType).toBe('application/x-claim-check')
})

test('a sealed body cannot be read where it is kept, and only its own message opens it', async () => {
  const { claims, broker } = await started()
  claims.isSealed = true
  for (let n = 0; n < 2; n += 1) await broker.publish(large(), ROUTE)
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = claims.kept.values()
  expect(first.includes('aaaa')).toBe(false)
  const delivery = await firstOf(broker)
  expectWhole(delivery.message, large())
  await delivery.ack()
  for (const claim of claims.kept.keys()) claims.kept.set(claim, first)
  expect(second.equals(first)).toBe(false)
  expect((await firstOf(broker)).message.properties.contentType).toBe('application/x-claim-check')
})

test.each([
  ['a NUL', 'a\0b', String.raw`whose claim is 'a\x00b', expected a name`],
  ['a number', 5, 'whose claim is 5, expected a name'],
  ['nothing', '', "whose claim is '', expected a name"],
  ['a long text', 'c'.repeat(201), 'expected a name of 1 to 200 characters'],
  ['a way out of a folder', '../../etc/passwd', 'as claim "../../etc/passwd" in its CLAIM_CHECK'],
])(
  'a forged ticket with %s for its claim is left to the reader, and keeps no FIFO queue',
  async (_, claim, reason) => {
    const { space, broker } = await started({}, 'work.fifo')
    await space.open().publish(ticket(claim), { exchange: '', routingKey: 'work.fifo' })
    const delivery = await waitFor('the message', () => broker.get('work.fifo'))
    expect(() => acceptedSerializer(delivery.message, ['json'])).toThrow(reason)
  },
)

test('a hundred tickets for one body take its memory once', async () => {
  const { space, claims, broker } = await started()
  await broker.publish(large(), ROUTE)
  const [claim = ''] = claims.kept.keys()
  const forger = space.open()
  for (let n = 0; n < 100; n += 1) await forger.publish(ticket(claim), ROUTE)
  const bodies = new Set<Buffer>()
  let count = 0
  await broker.consume('work', { prefetch: 101 }, ({ message }) => {
    count += 1
    bodies.add(message.body)
  })
  await waitFor('all of them', () => count === 101)
  expect(bodies.size).toBe(1)
})

class FakeClaims implements Claims {
  isSealed: boolean = false
  readonly kept = new Map<string, Buffer>()
  readonly delaysMs: number[] = []
  isAway: boolean = false
  isSilent: boolean = false
  readonly askedAt: number[] = []

  async put(body: Buffer): Promise<string> {
    if (this.isAway) throw new Error('the database is away')
    if (this.isSilent) return await new Promise(() => undefined)
    await sleep(this.delaysMs.shift() ?? 0)
    this.kept.set(`c${this.kept.size}`, body)
    return `c${this.kept.size - 1}`
  }

  async get(claim: string): Promise<Buffer | undefined> {
    this.askedAt.push(performance.now())
    if (this.isAway) throw new Error('the database is away')
    if (claim.includes('\0')) throw new Error('invalid byte sequence for encoding "UTF8": 0x00')
    const body = this.kept.get(claim)
    return body && Buffer.from(body)
  }

  async close(): Promise<void> {
    // nothing is open
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function started(
  options: Readonly<Record<string, unknown>> = {},
  queue = 'work',
): Promise<{
  readonly lines: readonly string[]
  readonly space: SqsSpace
  readonly claims: FakeClaims
  readonly broker: SqsBroker
}> {
  const space = await sqsSpace()
  const claims = new FakeClaims()
  const lines: string[] = []
  const keep = (fields: object | string, text = String(fields)): void => void lines.push(text)
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => logger }
  const transportOptions = {
    region: 'us-east-1',
    queue_name_prefix: space.prefix,
    wait_time_seconds: 1,
    ...options,
  }
  const broker = new SqsBroker({ url: space.url, transportOptions, claims, logger, drainMs: 0 })
  onTestFinished(() => broker.close())
  await broker.declare({ exchanges: [], queues: [durableQueue(queue)], bindings: [] })
  return { space, claims, broker, lines }
}

async function firstOf(broker: SqsBroker): Promise<Delivery> {
  return await waitFor('a message', () => broker.get('work'))
}

/** To compare bytes one by one takes a minute. */
function expectWhole(message: Message | undefined, { body, ...others }: Message): void {
  expect(message).toMatchObject(others)
  expect(message?.body.equals(body)).toBe(true)
}

function ticket(claim: unknown): Message {
  return {
    headers: { task: 'export.big', id: 'forged' },
    properties: { contentType: 'application/x-claim-check', contentEncoding: 'utf-8' },
    body: Buffer.from(JSON.stringify({ claim, bytes: 5, 'content-type': 'application/json' })),
  }
}

function large(): Message {
  return {
    headers: { task: 'export.big', id: 'big' },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body: Buffer.alloc(700_000, 'a'),
  }
}
