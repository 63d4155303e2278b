import { expect, onTestFinished, test } from 'vitest'
import type {
  MessageCallback,
  SubscribeOptions,
  Transport,
  TransportFeatures,
  TransportHeader,
} from '../../src/recipes/index.ts'
import { waitFor } from '../support/wait-for.ts'

export interface TransportUnderTest {
  /** A transport that shares its queues with the others of the same test. */
  readonly open: () => Transport
  /** A queue of its own, which is there; messages given back too often go to `dlq.` and its name. */
  readonly queue: () => Promise<string>
  readonly topic: () => Promise<string>
}

interface Received {
  readonly header: TransportHeader
  readonly message: unknown
}

const ALL: TransportFeatures = {
  broadcasts: true,
  temporaryQueues: true,
  transactions: true,
  expiration: true,
}

/** What every transport promises; what it lacks is refused by name. */
export function testTransport(
  setUp: () => Promise<TransportUnderTest>,
  features: TransportFeatures = ALL,
): void {
  const needs = (feature: keyof TransportFeatures) => (features[feature] ? test : () => undefined)
  const withTransactions = needs('transactions')
  const withBroadcasts = needs('broadcasts')

  async function started() {
    const under = await setUp()
    const open = (): Transport => {
      const transport = under.open()
      onTestFinished(() => transport.disconnect())
      return transport
    }
    return { ...under, open }
  }

  test('a message sent to a queue arrives with its headers and where it came from', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const inbox = await listen(transport, name, { acknowledgement: true })
    await transport.send(name, { a: [1, null, 'é'] }, { headers: { 'workflows-recipe': true } })
    const [{ header, message }] = await inbox.take(1)
    expect(message).toEqual({ a: [1, null, 'é'] })
    expect(header).toMatchObject({
      'workflows-recipe': true,
      consumer_tag: String(inbox.id),
      delivery_mode: 2,
      exchange: '',
      'message-id': 1,
      redelivered: false,
      routing_key: name,
      subscription: inbox.id,
    })
    await transport.ack(header)
  })

  test('subscriptions are numbered from 1', async () => {
    const { open, queue } = await started()
    const transport = open()
    const names = [await queue(), await queue()]
    const ids = []
    for (const name of names) ids.push(await transport.subscribe(name, () => undefined))
    expect(ids).toEqual([1, 2])
    expect(transport.isReconnectable).toBe(false)
  })

  test('a body that is no JSON is handed over as bytes, and raw where that is asked for', async () => {
    const { open, queue } = await started()
    const [first, second, transport] = [await queue(), await queue(), open()]
    const bytes = await listen(transport, first)
    const raw = await listen(transport, second, { disableMangling: true })
    await transport.rawSend(first, 'not json at all')
    await transport.rawSend(second, '{"to": "f"}')
    const [{ message }] = await bytes.take(1)
    expect(Buffer.from(message as Uint8Array).toString()).toBe('not json at all')
    const [{ message: body }] = await raw.take(1)
    expect(Buffer.from(body as Uint8Array).toString()).toBe('{"to": "f"}')
  })

  test('messages that wait already can be settled as soon as they come', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    await transport.send(name, 'waits')
    const settled = new Promise<string>((resolve, reject) => {
      const take: MessageCallback = (header) =>
        transport.ack(header).then(() => resolve('settled'), reject)
      transport.subscribe(name, take, { acknowledgement: true }).catch(reject)
    })
    expect(await settled).toBe('settled')
  })

  test('no more messages are in hand than the prefetch count', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    for (const n of [1, 2, 3]) await transport.send(name, n)
    const inbox = await listen(transport, name, { acknowledgement: true, prefetchCount: 2 })
    const [first] = await inbox.take(2)
    expect(inbox.all).toHaveLength(2)
    await transport.ack(first.header)
    await inbox.take(3)
    expect(inbox.all.map(({ message }) => message)).toEqual([1, 2, 3])
  })

  test('a message that is given back comes again, and one that is not to come again is dead-lettered', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const inbox = await listen(transport, name, { acknowledgement: true })
    const dead = await listen(transport, `dlq.${name}`)
    await transport.send(name, 'x')
    const [{ header }] = await inbox.take(1)
    await transport.nack(header)
    const [, again] = await inbox.take(2)
    expect(again?.header).toMatchObject({ redelivered: true, 'message-id': 2 })
    await transport.nack(again?.header ?? {}, { requeue: false })
    const [{ header: last, message }] = await dead.take(1)
    expect(message).toBe('x')
    expect(last['x-death']).toMatchObject([{ queue: name, reason: 'rejected' }])
  })

  test('a message that is given back too often goes to the dead letters', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const dead = await listen(transport, `dlq.${name}`)
    let deliveries = 0
    const options = { acknowledgement: true }
    await transport.subscribe(
      name,
      async (header) => {
        deliveries += 1
        await transport.nack(header)
      },
      options,
    )
    await transport.send(name, 'poison')
    const [{ message }] = await dead.take(1)
    expect([message, deliveries]).toEqual(['poison', 3])
  })

  withTransactions(
    'a transaction sends and acknowledges when it is committed, and not before',
    async () => {
      const { open, queue } = await started()
      const [from, to, transport] = [await queue(), await queue(), open()]
      const inbox = await listen(transport, from, { acknowledgement: true })
      const outbox = await listen(transport, to)
      await transport.send(from, 'in')
      const [{ header }] = await inbox.take(1)
      const transaction = await transport.transactionBegin({ subscriptionId: inbox.id })
      expect(transaction).toBe(1)
      await transport.send(to, 'out', { transaction })
      await transport.ack(header, { transaction })
      await transport.send(to, 'beside')
      expect((await outbox.take(1)).map(({ message }) => message)).toEqual(['beside'])
      await transport.transactionCommit(transaction)
      expect((await outbox.take(2)).map(({ message }) => message)).toEqual(['beside', 'out'])
      await transport.send(to, 'after')
      await outbox.take(3)
      await expect(transport.transactionCommit(transaction)).rejects.toThrow(
        'Attempting to commit unknown transaction',
      )
    },
  )

  withTransactions('many transactions of one subscription may be under way at a time', async () => {
    const { open, queue } = await started()
    const [from, to, transport] = [await queue(), await queue(), open()]
    const outbox = await listen(transport, to)
    const failures: unknown[] = []
    const pass: MessageCallback = async (header, message) => {
      try {
        const { subscription } = header
        const transaction = await transport.transactionBegin({ subscriptionId: subscription })
        await transport.ack(header, { transaction })
        await transport.send(to, message, { transaction })
        await transport.transactionCommit(transaction)
      } catch (error) {
        failures.push(error)
      }
    }
    await transport.subscribe(from, pass, { acknowledgement: true, prefetchCount: 10 })
    const numbers = Array.from({ length: 30 }, (_, n) => n)
    await Promise.all(numbers.map((n) => transport.send(from, n)))
    const passed = (await outbox.take(30)).map(({ message }) => message as number)
    expect(passed.sort((left, right) => left - right)).toEqual(numbers)
    expect(failures).toEqual([])
  })

  withTransactions(
    'an aborted transaction sends nothing and leaves its message in hand',
    async () => {
      const { open, queue } = await started()
      const [from, to, transport] = [await queue(), await queue(), open()]
      const inbox = await listen(transport, from, { acknowledgement: true })
      const outbox = await listen(transport, to)
      await transport.send(from, 'in')
      const [{ header }] = await inbox.take(1)
      const transaction = await transport.transactionBegin({ subscriptionId: inbox.id })
      await transport.send(to, 'never', { transaction })
      await transport.ack(header, { transaction })
      await transport.transactionAbort(transaction)
      await transport.send(to, 'else')
      expect((await outbox.take(1)).map(({ message }) => message)).toEqual(['else'])
      await transport.nack(header)
      await inbox.take(2)
    },
  )

  withTransactions(
    'messages acknowledged outside of transactions, after one, are acknowledged',
    async () => {
      const { open, queue } = await started()
      const [name, transport] = [await queue(), open()]
      const inbox = await listen(transport, name, { acknowledgement: true })
      const transaction = await transport.transactionBegin({ subscriptionId: inbox.id })
      await transport.transactionCommit(transaction)
      for (const n of [1, 2]) await transport.send(name, n)
      for (const n of [1, 2]) {
        const taken = await inbox.take(n)
        await transport.ack(taken[n - 1]?.header ?? {})
      }
      await transport.unsubscribe(inbox.id)
      const rest = await listen(open(), name)
      await transport.send(name, 'last')
      expect((await rest.take(1)).map(({ message }) => message)).toEqual(['last'])
    },
  )

  withTransactions(
    'a transaction of another subscription, or a second one, is refused',
    async () => {
      const { open, queue } = await started()
      const [name, transport] = [await queue(), open()]
      const inbox = await listen(transport, name, { acknowledgement: true })
      await transport.send(name, 'x')
      const [{ header }] = await inbox.take(1)
      const alone = await transport.transactionBegin()
      await expect(transport.transactionBegin()).rejects.toThrow('is under way')
      await expect(transport.ack(header, { transaction: alone })).rejects.toThrow(
        'was begun for no subscription',
      )
      await transport.transactionBegin({ subscriptionId: inbox.id })
      await expect(transport.transactionBegin({ subscriptionId: inbox.id })).rejects.toThrow(
        'is in transaction',
      )
      await expect(transport.transactionBegin({ subscriptionId: 99 })).rejects.toThrow(
        'there is no subscription 99',
      )
      await expect(transport.transactionAbort(99)).rejects.toThrow(
        'Attempting to abort unknown transaction',
      )
    },
  )

  withBroadcasts('a broadcast reaches all that listen, and none that listens later', async () => {
    const { open, topic } = await started()
    const [name, sender] = [await topic(), open()]
    const inboxes = []
    for (const listener of [open(), open()]) {
      inboxes.push(await gather((callback) => listener.subscribeBroadcast(name, callback)))
    }
    await sender.broadcast(name, { to: 'all' })
    for (const inbox of inboxes) {
      const [{ header, message }] = await inbox.take(1)
      expect(message).toEqual({ to: 'all' })
      expect(header).toMatchObject({ exchange: name, routing_key: '' })
    }
    const late = await gather((callback) => open().subscribeBroadcast(name, callback))
    await sender.broadcast(name, 'the next')
    expect((await late.take(1))[0].message).toBe('the next')
  })

  withBroadcasts('a broadcast takes a delay of 0 for none, and refuses others', async () => {
    const { open, topic } = await started()
    const [name, transport] = [await topic(), open()]
    await transport.broadcast(name, 1, { delay: 0 })
    await expect(transport.broadcast(name, 1, { delay: 2 })).rejects.toThrow('cannot be delayed')
  })

  needs('temporaryQueues')(
    'a temporary queue has the hint in its name, and takes messages of others',
    async () => {
      const { open } = await started()
      const transport = open()
      let name = ''
      const inbox = await gather(async (callback) => {
        const { subscriptionId, queue } = await transport.subscribeTemporary('hello', callback)
        name = queue
        return subscriptionId
      })
      expect(name).toMatch(/^transient\.hello\.[0-9a-f-]{36}$/)
      await open().send(name, { to: 'a' })
      expect((await inbox.take(1))[0]?.message).toEqual({ to: 'a' })
      const { queue } = await transport.subscribeTemporary('transient.x', () => undefined)
      expect(queue).toMatch(/^transient\.x\.[0-9a-f-]{36}$/)
    },
  )

  needs('expiration')('a message that has expired is not delivered', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    await transport.send(name, 'short', { expiration: 0.001 })
    await transport.send(name, 'long', { expiration: 60 })
    await transport.send(name, 'for ever', { expiration: 0 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    const inbox = await listen(transport, name)
    expect((await inbox.take(2)).map(({ message }) => message)).toEqual(['long', 'for ever'])
  })

  test('after an end of the subscription nothing is delivered, and a second end is refused', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const inbox = await listen(transport, name)
    await transport.unsubscribe(inbox.id)
    await expect(transport.unsubscribe(inbox.id)).rejects.toThrow('there is no subscription')
    await transport.send(name, 'x')
    const other = await listen(open(), name)
    await other.take(1)
    expect(inbox.all).toHaveLength(0)
    expect(transport.isReconnectable).toBe(true)
  })

  test('a settlement without an id, or of a message that is not in hand, is refused', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const inbox = await listen(transport, name, { acknowledgement: true })
    await expect(transport.ack({ subscription: 1 })).rejects.toThrow(
      'Cannot acknowledge message without message ID',
    )
    await expect(transport.ack(5)).rejects.toThrow(
      'Cannot acknowledge message without subscription ID',
    )
    await expect(transport.ack(5, { subscriptionId: 77 })).rejects.toThrow('no subscription 77')
    await expect(transport.ack(5, { subscriptionId: inbox.id })).rejects.toThrow('no message 5')
    await transport.send(name, 'still connected')
    await inbox.take(1)
  })

  test('a date is refused, and nothing is sent', async () => {
    const { open, queue } = await started()
    const transport = open()
    await expect(transport.send(await queue(), { at: new Date() })).rejects.toThrow(
      'no form in JSON',
    )
  })

  test('callbacks can be taken into a loop of their own', async () => {
    const { open, queue } = await started()
    const [name, transport] = [await queue(), open()]
    const seen: unknown[] = []
    transport.interceptCallbacks?.((callback) => async (header, message) => {
      seen.push('before')
      await callback(header, message)
    })
    const inbox = await listen(transport, name)
    await transport.send(name, 1)
    await inbox.take(1)
    expect(seen).toEqual(['before'])
  })
}

export async function listen(transport: Transport, queue: string, options?: SubscribeOptions) {
  return await gather((callback) => transport.subscribe(queue, callback, options))
}

async function gather(subscribe: (callback: MessageCallback) => Promise<number>) {
  const all: Received[] = []
  const id = await subscribe((header, message) => {
    all.push({ header, message })
  })
  const take = async (count: number): Promise<[Received, ...Received[]]> => {
    await waitFor(`${count} messages`, () => all.length >= count)
    return all.slice(0, count) as [Received, ...Received[]]
  }
  return { id, all, take }
}
