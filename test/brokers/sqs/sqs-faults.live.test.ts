import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Delivery } from '../../../src/brokers/broker.ts'
import { mayTakeLater } from '../../../src/brokers/broker-errors.ts'
import type { SqsBroker } from '../../../src/brokers/sqs/sqs-broker.ts'
import { PartlyPublishedError } from '../../../src/errors.ts'
import {
  durableExchange,
  durableQueue,
  type Topology,
} from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Fault, type FaultyProxy, faultyProxy } from './faulty-proxy.ts'
import { sqsSpace } from './fauxqs.ts'

const THROTTLED: Fault = {
  status: 400,
  body: { __type: 'com.amazonaws.sqs#RequestThrottled', message: 'slow down' },
}
const FAILING: Fault = { status: 500, body: { __type: 'InternalFailure', message: 'oh' } }
const EXPIRED: Fault = {
  status: 403,
  body: { __type: 'com.amazon.coral.service#ExpiredTokenException', message: 'expired' },
}

test.each<[string, Fault]>([
  ['refused', 'reset'],
  ['500', FAILING],
  ['throttled', THROTTLED],
  ['an expired token', EXPIRED],
])('%s, for a while: publishes wait, polls go on, nothing is lost', async (_, fault) => {
  const { broker, proxy } = await behindProxy()
  const bodies: string[] = []
  await broker.consume('work', { prefetch: 10 }, (delivery) => {
    bodies.push(delivery.message.body.toString())
    void delivery.ack()
  })
  proxy.fault = () => fault
  const sent = Promise.all(range(25).map((n) => broker.publish(text(String(n)), TO_WORK, PATIENT)))
  await waitFor('a few calls that fail', () => proxy.calls.length > 4)
  proxy.fault = () => 'pass'
  await sent
  await waitFor('all of them', () => new Set(bodies).size === 25)
})

test('an answer that speaks of no message is none: it is sent, and acked, until the server says so', async () => {
  const { broker, proxy, read } = await behindProxy()
  const faulty = new Set(['SendMessageBatch', 'DeleteMessageBatch'])
  proxy.fault = (action) => (faulty.delete(action) ? { status: 200, body: {} } : 'pass')
  await broker.publish(text('x'), TO_WORK)
  const delivery = await waitFor('the message', () => broker.get('work'))
  await delivery.ack()
  expect(proxy.calls.filter((call) => call === 'SendMessageBatch')).toHaveLength(2)
  expect(proxy.calls.filter((call) => call === 'DeleteMessageBatch')).toHaveLength(2)
  expect(await read('work')).toEqual([])
})

test('a message that three answers leave out of what was deleted is lost, and its ack ends', async () => {
  const { broker, proxy } = await behindProxy()
  await Promise.all(['x', 'y'].map((body) => broker.publish(text(body), TO_WORK)))
  const left = await waitFor('a message', () => broker.get('work'))
  const deleted = await waitFor('the other', () => broker.get('work'))
  proxy.fault = (action) => (action === 'DeleteMessageBatch' ? { change: withoutFirst } : 'pass')
  await Promise.all([left.ack(), deleted.ack()])
  expect(proxy.calls.filter((call) => call === 'DeleteMessageBatch')).toHaveLength(3)
  expect({ left: left.isLost, deleted: deleted.isLost }).toEqual({ left: true, deleted: false })
  expect(left.lost.aborted).toBe(true)
})

test('a server that answers every poll at once, and with nothing, is not asked again and again', async () => {
  const { broker, proxy } = await behindProxy()
  proxy.fault = (action) => (action === 'ReceiveMessage' ? { status: 200, body: {} } : 'pass')
  const bodies: string[] = []
  await broker.consume('work', { prefetch: 10 }, (delivery) => {
    bodies.push(delivery.message.body.toString())
    void delivery.ack()
  })
  await sleep(1_000)
  expect(proxy.calls.filter((call) => call === 'ReceiveMessage').length).toBeLessThan(8)
  proxy.fault = () => 'pass'
  await broker.publish(text('x'), TO_WORK)
  await waitFor('the message', () => bodies.length === 1)
})

test('a call that hangs leaves time to send the message again within the deadline of its publish', async () => {
  const { broker, proxy, read } = await behindProxy()
  proxy.fault = hangingOnce('SendMessageBatch')
  await broker.publish(text('x'), TO_WORK, { deadlineMs: 2_000 })
  expect(proxy.calls.filter((call) => call === 'SendMessageBatch')).toHaveLength(2)
  expect(await read('work')).toEqual(['x'])
})

test('a hanging question for a queue leaves time to ask again within the deadline of a publish', async () => {
  const { proxy, read, open } = await behindProxy()
  proxy.fault = hangingOnce('GetQueueUrl')
  await open().publish(text('x'), TO_WORK)
  expect(proxy.calls.slice(-3)).toEqual(['GetQueueUrl', 'GetQueueUrl', 'SendMessageBatch'])
  expect(await read('work')).toEqual(['x'])
})

test('a delete that hangs is made again before its message would come back', async () => {
  const { broker, proxy } = await behindProxy({ visibility_timeout: 8 })
  await broker.publish(text('x'), TO_WORK)
  const delivery = await waitFor('the message', () => broker.get('work'))
  const receivedAt = performance.now()
  proxy.fault = hangingOnce('DeleteMessageBatch')
  await delivery.ack()
  expect(performance.now() - receivedAt).toBeLessThan(8_000)
  expect(delivery.isLost).toBe(false)
})

test('an outage is reported once, and so is its end', async () => {
  const { broker, proxy } = await behindProxy()
  const told: string[] = []
  broker.on('lost', () => told.push('lost'))
  broker.on('restored', () => told.push('restored'))
  proxy.fault = () => 'reset'
  const sent = broker.publish(text('x'), TO_WORK)
  await waitFor('tries', () => proxy.calls.filter((call) => call === 'SendMessageBatch').length > 2)
  proxy.fault = () => 'pass'
  await sent
  expect(told).toEqual(['lost', 'restored'])
})

test('of a batch that is refused in part, only that part is sent again', async () => {
  const { broker, proxy, read } = await behindProxy()
  let refused = 0
  proxy.fault = (action) => {
    if (action !== 'SendMessageBatch' || refused > 0) return 'pass'
    refused += 1
    // The server has them all, and half are said to have failed: those come twice on a standard queue.
    return {
      change: ({ Successful }) => ({
        Successful: (Successful as unknown[]).slice(0, 5),
        Failed: range(5).map((n) => ({
          Id: String(n + 5),
          Code: 'InternalError',
          SenderFault: false,
        })),
      }),
    }
  }
  await Promise.all(range(10).map((n) => broker.publish(text(String(n)), TO_WORK)))
  expect(proxy.calls.filter((call) => call === 'SendMessageBatch')).toHaveLength(2)
  const bodies = await read('work')
  expect(bodies.slice(0, 10)).toEqual(range(10).map(String))
  expect(bodies.slice(10)).toEqual(['5', '6', '7', '8', '9'])
})

test.each<[string, boolean, Fault]>([
  ['a message that is too long for its queue', false, entryRefused('InvalidParameterValue')],
  ['a batch of one that is too long', false, callRefused('BatchRequestTooLong')],
  ['a character that no message may have', false, callRefused('InvalidMessageContents')],
  ['a permission that is away', true, callRefused('AccessDeniedException', 403)],
  ['a key of KMS that is away', true, entryRefused('KmsAccessDenied')],
])('%s is refused at once; worth a later try: %s', async (_, isForLater, fault) => {
  const { broker, proxy } = await behindProxy()
  proxy.fault = (action) => (action === 'SendMessageBatch' ? fault : 'pass')
  const error: unknown = await broker.publish(text('x'), TO_WORK).catch((cause) => cause)
  expect(error).toMatchObject({ code: 'PUBLISH_REFUSED' })
  expect(mayTakeLater(error)).toBe(isForLater)
})

test('a message that only its mirror took, as its queue takes none so long, is not worth a later try', async () => {
  const { broker, proxy } = await behindProxy()
  let calls = 0
  proxy.fault = (action) => {
    if (action === 'SendMessageBatch') calls += 1
    return calls === 2 ? entryRefused('InvalidParameterValue') : 'pass'
  }
  const toBoth = { exchange: 'tasks', routingKey: 'work' }
  const error: unknown = await broker.publish(text('x'), toBoth).catch((cause) => cause)
  expect(error).toBeInstanceOf(PartlyPublishedError)
  expect(mayTakeLater(error)).toBe(false)
})

test('where the answer is lost the mirror has each copy once', async () => {
  const { broker, proxy, read } = await behindProxy()
  let lost = 0
  proxy.fault = (action) => {
    if (action !== 'SendMessageBatch' || lost > 0) return 'pass'
    lost += 1
    return 'lost'
  }
  const route = { exchange: 'tasks', routingKey: 'work' }
  await Promise.all(range(10).map((n) => broker.publish(task(`id-${n}`), route)))
  expect((await read('mirror.fifo')).length).toBe(10)
  expect((await read('work')).length).toBe(10)
})

test('where one answer in forty is lost, few messages are twice in a standard queue, and none in the mirror', async () => {
  const { broker, proxy, read } = await behindProxy()
  const sends = new Map<unknown, number>()
  proxy.fault = (action, { QueueUrl }) => {
    if (action !== 'SendMessageBatch') return 'pass'
    const count = (sends.get(QueueUrl) ?? 0) + 1
    sends.set(QueueUrl, count)
    return count % 40 === 20 ? 'lost' : 'pass'
  }
  const route = { exchange: 'tasks', routingKey: 'work' }
  const ids = range(400).map((n) => `id-${n}`)
  await Promise.all(ids.map((id) => broker.publish(task(id), route, PATIENT)))
  expect(await read('mirror.fifo')).toHaveLength(400)
  const work = await read('work')
  expect(new Set(work)).toEqual(new Set(ids))
  expect(work.length).toBeGreaterThan(400)
  expect(work.length).toBeLessThanOrEqual(412)
})

test('an error names which queues have their copy, and publishing again doubles none in the mirror', async () => {
  const { broker, proxy, read } = await behindProxy()
  const isWork = (input: Record<string, unknown>) => String(input.QueueUrl).endsWith('-work')
  proxy.fault = (_action, input) => (isWork(input) ? FAILING : 'pass')
  const route = { exchange: 'tasks', routingKey: 'work' }
  const failed = broker.publish(task('one'), route, { deadlineMs: 300 })
  await expect(failed).rejects.toMatchObject({ arrived: ['mirror.fifo'], missing: ['work'] })
  proxy.fault = () => 'pass'
  await broker.publish(task('one'), route)
  expect(await read('mirror.fifo')).toHaveLength(1)
  expect(await read('work')).toHaveLength(1)
})

test('nothing runs unrecorded: where the mirror cannot have its copy, no queue gets one', async () => {
  const { broker, proxy, read } = await behindProxy()
  proxy.fault = (_action, input) => (String(input.QueueUrl).endsWith('.fifo') ? FAILING : 'pass')
  const route = { exchange: 'tasks', routingKey: 'work' }
  await expect(broker.publish(task('one'), route, { deadlineMs: 300 })).rejects.toMatchObject({
    code: 'PUBLISH_UNCONFIRMED',
  })
  expect(await read('work')).toHaveLength(0)
})

test('an answer with a wrong checksum costs its message the visibility timeout, no more', async () => {
  const { broker, proxy } = await behindProxy({ visibility_timeout: 1 })
  let bad = 1
  proxy.fault = (action) => {
    if (action !== 'ReceiveMessage' || bad === 0) return 'pass'
    return {
      change: (answer) => {
        const { Messages = [] } = answer as { Messages?: object[] }
        if (Messages.length > 0) bad -= 1
        return {
          ...answer,
          Messages: Messages.map((one) => ({ ...one, MD5OfBody: 'x'.repeat(32) })),
        }
      },
    }
  }
  await broker.publish(text('x'), TO_WORK)
  const held: Delivery[] = []
  await broker.consume('work', { prefetch: 1 }, (delivery) => void held.push(delivery))
  await waitFor('the delivery', () => held.length === 1)
  expect(held[0]?.attempt).toBe(2)
})

test('an ack is tried until it is answered; a delivery whose time is over is lost, and its settling is no error', async () => {
  const { broker, proxy, read } = await behindProxy({ visibility_timeout: 1 })
  await broker.publish(text('x'), TO_WORK)
  const acked = await waitFor('the message', () => broker.get('work'))
  proxy.fault = (action) => (action === 'DeleteMessageBatch' ? 'reset' : 'pass')
  const settled = acked.ack()
  await waitFor('a try', () => proxy.calls.includes('DeleteMessageBatch'))
  proxy.fault = () => 'pass'
  await settled
  expect(await read('work')).toHaveLength(0)

  await broker.publish(text('y'), TO_WORK)
  const late = await waitFor('the message', () => broker.get('work'))
  proxy.fault = (action) => (action === 'ChangeMessageVisibilityBatch' ? 'reset' : 'pass')
  await new Promise((resolve) => late.lost.addEventListener('abort', resolve))
  expect(late.isLost).toBe(true)
  await expect(late.ack()).resolves.toBeUndefined()
})

test('messages are sent, received and deleted about ten to a call', async () => {
  const { broker, proxy } = await behindProxy()
  await Promise.all(range(300).map((n) => broker.publish(text(String(n)), TO_WORK)))
  const count = (action: string): number => proxy.calls.filter((call) => call === action).length
  expect(count('SendMessageBatch')).toBeLessThanOrEqual(40)
  let seen = 0
  await broker.consume('work', { prefetch: 100 }, (delivery) => {
    seen += 1
    void delivery.ack()
  })
  await waitFor('all of them', () => seen === 300)
  await waitFor('the last acks', async () => (await broker.depth('work')).inFlight === 0)
  expect(count('ReceiveMessage')).toBeLessThanOrEqual(105)
  expect(count('DeleteMessageBatch')).toBeLessThanOrEqual(75)
})

/** However busy the machine is. */
const PATIENT = { deadlineMs: 30_000 }
const TO_WORK = { exchange: '', routingKey: 'work' }

const TOPOLOGY: Topology = {
  exchanges: [durableExchange('tasks', 'topic')],
  queues: [durableQueue('work'), durableQueue('mirror.fifo')],
  bindings: [
    { exchange: 'tasks', queue: 'work', routingKey: 'work' },
    { exchange: 'tasks', queue: 'mirror.fifo', routingKey: '#' },
  ],
}

async function behindProxy(options: Readonly<Record<string, unknown>> = {}): Promise<{
  readonly broker: SqsBroker
  readonly proxy: FaultyProxy
  /** The bodies that wait in a queue. */
  readonly read: (queue: string) => Promise<readonly string[]>
  /** Another broker behind the same proxy, which has declared nothing. */
  readonly open: () => SqsBroker
}> {
  const space = await sqsSpace()
  const proxy = await faultyProxy(space.server.port)
  const open = (): SqsBroker => {
    const broker = space.openBehind(proxy, options)
    // Before it is closed: a call that hangs would hold the close back.
    onTestFinished(() => {
      proxy.fault = () => 'pass'
    })
    return broker
  }
  const broker = open()
  await broker.declare(TOPOLOGY)
  const read = async (queue: string): Promise<readonly string[]> => {
    const { messages } = space.server.inspectQueue(space.nameOf(queue)) ?? {}
    return (messages?.ready ?? []).map(({ body }) => {
      const plain = JSON.parse(Buffer.from(body, 'base64').toString()) as { body: string }
      return Buffer.from(plain.body, 'base64').toString()
    })
  }
  return { broker, proxy, read, open }
}

/** A call that the server refuses. */
function callRefused(type: string, status = 400): Fault {
  return { status, body: { __type: `com.amazonaws.sqs#${type}`, message: 'no' } }
}

/** A call that it takes, with a message that it refuses. */
function entryRefused(Code: string): Fault {
  return { change: () => ({ Failed: [{ Id: '0', Code, SenderFault: true, Message: 'no' }] }) }
}

/** The first call of this action is never answered. */
function hangingOnce(hanging: string): FaultyProxy['fault'] {
  let hung = 0
  return (action) => {
    if (action !== hanging || hung > 0) return 'pass'
    hung += 1
    return 'hang'
  }
}

/** An answer to a batch that leaves its first entry out. */
function withoutFirst({ Successful }: Record<string, unknown>) {
  return { Successful: (Successful as { Id: string }[]).filter(({ Id }) => Id !== '0') }
}

function text(body: string) {
  return { headers: {}, properties: {}, body: Buffer.from(body) }
}

function task(id: string) {
  return {
    headers: { task: 'work.x', id, root_id: id, retries: 0 },
    properties: {},
    body: Buffer.from(id),
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
