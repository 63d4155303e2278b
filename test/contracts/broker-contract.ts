import { describe, expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { Broker, ConsumeOptions, Delivery, Subscription } from '../../src/brokers/broker.ts'
import type { BrokerFeatures } from '../../src/brokers/features.ts'
import type { Message, MessageProperties, Route } from '../../src/protocol/message.ts'
import {
  type Binding,
  durableExchange,
  durableQueue,
  type Queue,
  type Topology,
} from '../../src/protocol/routing/topology.ts'
import { waitFor } from '../support/wait-for.ts'

/** One broker space, empty, of one test's own. */
export interface BrokerSpace {
  /** Opens another connection to it. */
  open(): Broker
  /** Deletes a queue behind the connections' backs. */
  deleteQueue(name: string): Promise<void>
  /** Ends this connection from outside; it is sought again at once. */
  loseConnection(broker: Broker): Promise<void>
}

export interface BrokerUnderTest {
  readonly name: string
  /** What it says it can do: the tests of a feature run where it is there. */
  readonly features: BrokerFeatures
  readonly makeSpace: () => Promise<BrokerSpace>
  /** Of a server that copies its whole queue for each message that it hands out, fewer are asked. */
  readonly many?: number
}

/** Features that a broker has or lacks. */
type BrokerFeature = {
  [Name in keyof BrokerFeatures]: BrokerFeatures[Name] extends boolean ? Name : never
}[keyof BrokerFeatures]

/** What every broker promises: broker.ts, in tests. A test of more than that names the feature it needs. */
export function brokerContract({ name, features, makeSpace, many = 300 }: BrokerUnderTest): void {
  /** Nothing is said of a broker without the feature: docs/brokers.md has the table. */
  function testOf(
    ...needed: readonly BrokerFeature[]
  ): (name: string, run: () => Promise<void>, timeoutMs?: number) => void {
    return needed.every((feature) => features[feature]) ? test : () => undefined
  }

  /** So many, where they are counted. */
  function consumers(count: number): number | null {
    return features.countsConsumers ? count : null
  }

  /** As they came, where the broker keeps an order. */
  function inOrder(bodies: readonly string[]): readonly string[] {
    return features.order ? bodies : [...bodies].sort()
  }

  async function start(): Promise<{ space: BrokerSpace; broker: Broker }> {
    const space = await makeSpace()
    return { space, broker: openIn(space) }
  }

  async function startWith(
    ...queues: readonly (string | Queue)[]
  ): Promise<{ space: BrokerSpace; broker: Broker }> {
    const started = await start()
    await started.broker.declare(
      topology({ queues: queues.map((q) => (typeof q === 'string' ? durableQueue(q) : q)) }),
    )
    return started
  }

  describe(`${name}: publishing`, () => {
    test('a message arrives with its headers, properties, body and route as they were sent', async () => {
      const { broker } = await startWith('work')
      await broker.publish(fullMessage, toQueue('work'))
      const delivery = await taken(broker, 'work')
      expect(delivery.message).toEqual(fullMessage)
      expect(delivery.route).toEqual({ exchange: '', routingKey: 'work' })
      expect(delivery).toMatchObject({ queue: 'work', attempt: 1, redelivered: false })
    })

    test('properties that were not sent are absent on arrival', async () => {
      const { broker } = await startWith('work')
      await broker.publish(message('bare'), toQueue('work'))
      const { properties } = (await taken(broker, 'work')).message
      expect(Object.keys(properties)).toEqual([])
    })

    test('an empty body and a body of 5 MB, or the largest there may be, arrive whole', async () => {
      const { broker } = await startWith('work')
      const large = Buffer.alloc(Math.min(5 * 1024 * 1024, features.largestMessageBytes), 'toolbox')
      await broker.publish({ headers: {}, properties: {}, body: Buffer.alloc(0) }, toQueue('work'))
      await broker.publish({ headers: {}, properties: {}, body: large }, toQueue('work'))
      expect((await taken(broker, 'work')).message.body).toHaveLength(0)
      expect((await taken(broker, 'work')).message.body.equals(large)).toBe(true)
    })

    testOf('exchanges')(
      'changing a message after it was published, or one received, changes no other',
      async () => {
        const { broker } = await start()
        await broker.declare(fanout('news', ['a', 'b']))
        const headers = { list: [1, 2] }
        const body = Buffer.from('first')
        await broker.publish(
          { headers, properties: {}, body },
          { exchange: 'news', routingKey: '' },
        )
        headers.list.push(3)
        body.write('other')
        const a = await taken(broker, 'a')
        expect(textOf(a)).toBe('first')
        ;(a.message.headers.list as number[]).push(4)
        a.message.body.write('third')
        const b = await taken(broker, 'b')
        expect(b.message.headers).toEqual({ list: [1, 2] })
        expect(textOf(b)).toBe('first')
      },
    )

    testOf('order')('messages of one publisher keep their order', async () => {
      const { broker } = await startWith('work')
      await Promise.all(range(200).map((n) => broker.publish(message(String(n)), toQueue('work'))))
      const { bodies } = await collect(broker, 'work', 200)
      expect(bodies).toEqual(range(200).map(String))
    })

    testOf('order')('publishMany publishes all of them, in order', async () => {
      const { broker } = await startWith('work')
      await broker.publishMany(
        range(500).map((n) => ({ message: message(String(n)), route: toQueue('work') })),
      )
      const { bodies } = await collect(broker, 'work', 500)
      expect(bodies).toEqual(range(500).map(String))
    })

    test('publishMany of nothing resolves', async () => {
      const { broker } = await startWith('work')
      await expect(broker.publishMany([])).resolves.toBeUndefined()
    })

    test('publishMany rejects with the first failure and still publishes the others', async () => {
      const { broker } = await startWith('work')
      const sent = broker.publishMany(
        ['work', 'nowhere', 'work'].map((queue) => ({
          message: message(queue),
          route: toQueue(queue),
        })),
        { mandatory: true },
      )
      await expect(sent).rejects.toMatchObject({ code: 'MESSAGE_UNROUTABLE' })
      expect((await broker.depth('work')).messages).toBe(2)
    })

    testOf('exchanges')(
      'a message that no queue takes is dropped, unless it is mandatory',
      async () => {
        const { broker } = await start()
        await broker.declare(topology({ exchanges: [durableExchange('tasks', 'topic')] }))
        const route = { exchange: 'tasks', routingKey: 'nobody.wants' }
        await expect(broker.publish(message('x'), route)).resolves.toBeUndefined()
        await expect(
          broker.publish(message('x'), route, { mandatory: true }),
        ).rejects.toMatchObject({
          code: 'MESSAGE_UNROUTABLE',
          message: expect.stringMatching(/exchange "tasks" with routing key "nobody\.wants"/),
        })
      },
    )

    testOf('exchanges')(
      'of many mandatory messages in flight exactly the unroutable ones are refused',
      async () => {
        const { broker } = await startWith('work')
        const queues = range(300).map((n) => (n % 3 === 0 ? 'nowhere' : 'work'))
        const outcomes = await Promise.allSettled(
          queues.map((queue) =>
            broker.publish(message('same'), toQueue(queue), { mandatory: true }),
          ),
        )
        expect(outcomes.map(({ status }) => status)).toEqual(
          queues.map((queue) => (queue === 'nowhere' ? 'rejected' : 'fulfilled')),
        )
        expect((await broker.depth('work')).messages).toBe(200)
      },
    )

    testOf('exchanges')(
      'a publish to an exchange that does not exist is refused, naming it; the others go through',
      async () => {
        const { broker } = await startWith('work')
        const outcomes = await Promise.allSettled(
          range(60).map((n) =>
            broker.publish(
              message(String(n)),
              n % 20 === 10 ? { exchange: 'gone', routingKey: 'k' } : toQueue('work'),
            ),
          ),
        )
        const refused = outcomes.flatMap((outcome) =>
          outcome.status === 'rejected' ? [outcome.reason] : [],
        )
        expect(refused).toHaveLength(3)
        expect(refused[0]).toMatchObject({
          code: 'PUBLISH_REFUSED',
          message: expect.stringContaining('exchange "gone"'),
        })
        const { bodies } = await collectDistinct(broker, 'work', 57)
        expect(bodies.size).toBe(57)
      },
    )

    test('a message the broker cannot take is refused, and the next one is not', async () => {
      const { broker } = await startWith('work')
      const bad: Message = {
        headers: {},
        properties: { expiration: 'soon' },
        body: Buffer.from('x'),
      }
      await expect(broker.publish(bad, toQueue('work'))).rejects.toMatchObject({
        code: 'PUBLISH_REFUSED',
        message: expect.stringMatching(/expiration/),
      })
      await broker.publish(message('good'), toQueue('work'))
      expect(textOf(await taken(broker, 'work'))).toBe('good')
    })

    test('among many, only the message the broker cannot take is refused', async () => {
      const { broker } = await startWith('work')
      const outcomes = await Promise.allSettled(
        range(40).map((n) =>
          broker.publish(
            message(String(n), n === 17 ? { expiration: 'soon' } : {}),
            toQueue('work'),
          ),
        ),
      )
      expect(outcomes.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([17])
      const { bodies } = await collectDistinct(broker, 'work', 39)
      expect(bodies.has('17')).toBe(false)
    })
  })

  describe(`${name}: headers`, () => {
    testOf('typedHeaders')(
      'whole numbers of any size up to 64 bits come back as they were',
      async () => {
        const { broker } = await startWith('work')
        const headers = {
          small: 0,
          negative: -1,
          byte: 200,
          short: 32_767,
          millis: 1_790_000_000_123,
          safest: Number.MAX_SAFE_INTEGER,
          big: 2n ** 62n,
          lowest: -(2n ** 63n),
          nested: { list: [300, 200, [-129, 2n ** 60n]] },
        }
        await broker.publish({ headers, properties: {}, body: Buffer.from('x') }, toQueue('work'))
        expect((await taken(broker, 'work')).message.headers).toEqual(headers)
      },
    )

    testOf('typedHeaders')(
      'text, truth, fractions, null, bytes, dates, lists and tables come back as they were',
      async () => {
        const { broker } = await startWith('work')
        const headers = {
          text: 'é€😀',
          long: 'x'.repeat(5000),
          yes: true,
          no: false,
          half: 0.5,
          nothing: null,
          bytes: Buffer.from([0, 255]),
          date: new Date('2026-11-21T10:00:00Z'),
          list: [null, 'a', []],
          table: { inner: { empty: {} } },
        }
        await broker.publish({ headers, properties: {}, body: Buffer.from('x') }, toQueue('work'))
        expect((await taken(broker, 'work')).message.headers).toEqual(headers)
      },
    )

    test('a header called __proto__ stays a header', async () => {
      const { broker } = await startWith('work')
      const headers = JSON.parse('{"__proto__": {"polluted": 1}}')
      await broker.publish({ headers, properties: {}, body: Buffer.from('x') }, toQueue('work'))
      const received = (await taken(broker, 'work')).message.headers
      expect(Object.keys(received)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(received)).toBe(Object.prototype)
    })

    test('a value that no header can hold is refused, naming the header', async () => {
      const { broker } = await startWith('work')
      const headers = { stamps: { huge: 2n ** 64n } }
      await expect(
        broker.publish({ headers, properties: {}, body: Buffer.from('x') }, toQueue('work')),
      ).rejects.toMatchObject({
        code: 'PUBLISH_REFUSED',
        message: expect.stringMatching(/"stamps\.huge" holds 18446744073709551616/),
      })
    })
  })

  describe(`${name}: routing and declaring`, () => {
    test('a topic exchange gives each queue the messages its keys match, once', async () => {
      const { broker } = await start()
      await broker.declare(
        topology({
          exchanges: [durableExchange('tasks', 'topic')],
          queues: ['export', 'two', 'all'].map((queue) => durableQueue(queue)),
          bindings: [
            bound('tasks', 'export', 'export'),
            bound('tasks', 'two', '*.pdf'),
            bound('tasks', 'two', 'export.#'),
            bound('tasks', 'all', '#'),
          ],
        }),
      )
      for (const routingKey of ['export', 'export.pdf', 'import']) {
        await broker.publish(message(routingKey), { exchange: 'tasks', routingKey })
      }
      expect(await depths(broker, 'export', 'two', 'all')).toEqual([1, 2, 3])
    })

    testOf('exchanges')(
      'a direct exchange goes by the exact key, a fanout exchange to every queue',
      async () => {
        const { broker } = await start()
        await broker.declare(fanout('news', ['a', 'b']))
        await broker.declare(
          topology({
            exchanges: [durableExchange('exact', 'direct')],
            bindings: [bound('exact', 'a', 'one'), bound('exact', 'b', 'two')],
          }),
        )
        await broker.publish(message('x'), { exchange: 'exact', routingKey: 'one' })
        await broker.publish(message('x'), { exchange: 'news', routingKey: 'any' })
        expect(await depths(broker, 'a', 'b')).toEqual([2, 1])
      },
    )

    testOf('exchanges')(
      'an exchange bound to another gets what its key matches, and each queue gets it once',
      async () => {
        const { broker } = await start()
        await broker.declare(
          topology({
            exchanges: ['first', 'second', 'third'].map((exchange) =>
              durableExchange(exchange, 'topic'),
            ),
            queues: ['near', 'far'].map((queue) => durableQueue(queue)),
            bindings: [bound('first', 'near', '#'), bound('third', 'far', '#.pdf')],
            exchangeBindings: [
              { source: 'first', destination: 'second', routingKey: 'export.#' },
              { source: 'first', destination: 'third', routingKey: 'export.a.pdf' },
              { source: 'second', destination: 'third', routingKey: '#' },
              { source: 'third', destination: 'first', routingKey: '#' },
            ],
          }),
        )
        for (const routingKey of ['export.a.pdf', 'export.b.pdf', 'import.a.pdf', 'export.a.xls']) {
          await broker.publish(message(routingKey), { exchange: 'first', routingKey })
        }
        expect(await depths(broker, 'near', 'far')).toEqual([4, 2])
      },
    )

    testOf('exchanges')(
      'an exchange bound later is reached by keys that were routed before',
      async () => {
        const { broker } = await startWith('work')
        const exchanges = ['first', 'second'].map((exchange) => durableExchange(exchange, 'topic'))
        await broker.declare(topology({ exchanges }))
        const route = { exchange: 'first', routingKey: 'key' }
        await broker.publish(message('early'), route)
        await broker.declare(
          topology({
            exchangeBindings: [{ source: 'first', destination: 'second', routingKey: '#' }],
          }),
        )
        await broker.publish(message('still early'), route)
        await broker.declare(topology({ bindings: [bound('second', 'work', 'key')] }))
        await broker.publish(message('in time'), route)
        expect(textOf(await taken(broker, 'work'))).toBe('in time')
        expect(await depths(broker, 'work')).toEqual([0])
      },
    )

    testOf('exchanges')('an exchange that does not exist cannot be bound to', async () => {
      const { broker } = await start()
      const declared = broker.declare(
        topology({
          exchanges: [durableExchange('first', 'topic')],
          exchangeBindings: [{ source: 'first', destination: 'nowhere', routingKey: '#' }],
        }),
      )
      await expect(declared).rejects.toMatchObject({
        code: 'DECLARE_REFUSED',
        message: expect.stringMatching(/"nowhere" to exchange "first".*nowhere/),
      })
    })

    test('declaring the same again changes nothing', async () => {
      const { broker } = await startWith('work')
      await broker.publish(message('kept'), toQueue('work'))
      await broker.declare(topology({ queues: [durableQueue('work')] }))
      expect((await broker.depth('work')).messages).toBe(1)
    })

    testOf('strictDeclare')(
      'a queue that exists with other arguments is refused, saying what exists and what was asked',
      async () => {
        const { broker } = await startWith(durableQueue('work', { 'x-max-priority': 5 }))
        const declared = broker.declare(
          topology({ queues: [durableQueue('work'), durableQueue('other')] }),
        )
        await expect(declared).rejects.toMatchObject({
          code: 'DECLARE_REFUSED',
          message: expect.stringMatching(/queue "work".*x-max-priority/),
        })
        expect(await depths(broker, 'other')).toEqual([0])
      },
    )

    testOf('exchanges', 'strictDeclare')(
      'an exchange that exists with another type is refused, naming both types',
      async () => {
        const { broker } = await start()
        await broker.declare(topology({ exchanges: [durableExchange('tasks', 'topic')] }))
        await expect(
          broker.declare(
            topology({
              exchanges: [durableExchange('tasks', 'direct')],
              queues: [durableQueue('still')],
            }),
          ),
        ).rejects.toMatchObject({
          code: 'DECLARE_REFUSED',
          message: expect.stringMatching(/exchange "tasks".*topic.*where.*direct/),
        })
        expect(await depths(broker, 'still')).toEqual([0])
      },
    )

    test('consume, get, depth and purge of a queue that is not there say so', async () => {
      const { broker } = await startWith('work')
      const missing = { code: 'QUEUE_MISSING', message: expect.stringContaining('"gone"') }
      await expect(broker.consume('gone', { prefetch: 1 }, () => undefined)).rejects.toMatchObject(
        missing,
      )
      await expect(broker.get('gone')).rejects.toMatchObject(missing)
      await expect(broker.depth('gone')).rejects.toMatchObject(missing)
      await expect(broker.purge('gone')).rejects.toMatchObject(missing)
      expect(await depths(broker, 'work')).toEqual([0])
    })
  })

  describe(`${name}: consuming and settling`, () => {
    test('a delivery never comes before the call that made it possible has ended', async () => {
      const { broker } = await startWith('work')
      const seen: string[] = []
      await consuming(broker, 'work', { prefetch: 0 }, (delivery) => {
        seen.push('delivered')
        void delivery.ack()
      })
      const sent = broker.publish(message('x'), toQueue('work'))
      seen.push('published')
      await sent
      await waitFor('the delivery', () => seen.length === 2)
      expect(seen).toEqual(['published', 'delivered'])
    })

    test('no more deliveries are unsettled than the prefetch allows', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 20)
      const held: Delivery[] = []
      await consuming(broker, 'work', { prefetch: 3 }, (delivery) => void held.push(delivery))
      await waitFor('three deliveries', () => held.length === 3)
      await settled(broker)
      expect(held).toHaveLength(3)
      await held[0]?.ack()
      await waitFor('the fourth delivery', () => held.length === 4)
      await settled(broker)
      expect(held).toHaveLength(4)
    })

    test('a prefetch of 0 is no limit', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', many)
      const held: Delivery[] = []
      await consuming(broker, 'work', { prefetch: 0 }, (delivery) => void held.push(delivery))
      await waitFor('all deliveries', () => different(held) === many)
    })

    test('consumers of one queue share its messages', async () => {
      const { broker } = await startWith('work')
      const begin = deferred()
      const taken: readonly Delivery[][] = [[], [], []]
      for (const mine of taken) {
        await consuming(broker, 'work', { prefetch: 5 }, (delivery) => {
          mine.push(delivery)
          void begin.promise.then(() => delivery.ack())
        })
      }
      await publishAll(broker, 'work', many)
      await waitFor('each to hold what it may', () => taken.every(({ length }) => length === 5))
      begin.resolve()
      await waitFor('all deliveries', () => different(taken.flat()) === many)
    })

    test('an acknowledged message is gone for good', async () => {
      const { broker, space } = await startWith('work')
      await publishAll(broker, 'work', 50)
      const { subscription } = await collect(broker, 'work', 50)
      await subscription.close()
      expect(await depths(openIn(space), 'work')).toEqual([0])
    })

    test('acks in any order settle exactly the deliveries they belong to', async () => {
      const { broker, space } = await startWith('work')
      await publishAll(broker, 'work', 30)
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 0 },
        (d) => void held.push(d),
      )
      await waitFor('all deliveries', () => different(held) === 30)
      const kept = ['0', '7', '19']
      for (const one of [...held].reverse()) if (!kept.includes(textOf(one))) await one.ack()
      await subscription.close()
      const { bodies } = await collect(openIn(space), 'work', 3)
      expect(inOrder(bodies)).toEqual(inOrder(kept))
    })

    testOf('order')(
      'a requeued message comes again, at its old place, as redelivered',
      async () => {
        const { broker } = await startWith('work')
        await publishAll(broker, 'work', 3)
        const first = await taken(broker, 'work', 'hold')
        await first.requeue()
        const again = await taken(broker, 'work', 'hold')
        expect(textOf(again)).toBe('0')
        expect(again.redelivered).toBe(true)
        expect(again.attempt).toBeGreaterThan(1)
      },
    )

    test('a message requeued with a delay comes again after it, and lets others come meanwhile', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 3)
      const seen: { text: string; at: number; redelivered: boolean }[] = []
      await consuming(broker, 'work', { prefetch: 1 }, (delivery) => {
        const { redelivered } = delivery
        seen.push({ text: textOf(delivery), at: performance.now(), redelivered })
        const isFirst = textOf(delivery) === '0' && !redelivered
        void (isFirst ? delivery.requeue({ delayMs: 700 }) : delivery.ack())
      })
      await waitFor('all of them', () => seen.length === 4)
      expect(inOrder(seen.map(({ text }) => text))).toEqual(inOrder(['0', '1', '2', '0']))
      expect(seen[3]).toMatchObject({ text: '0', redelivered: true })
      const requeued = seen.find(({ text }) => text === '0')
      expect((seen[3]?.at ?? 0) - (requeued?.at ?? 0)).toBeGreaterThan(650)
    })

    test('a message that was taken singly and is requeued with a delay comes again after it', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 1)
      const first = await taken(broker, 'work', 'hold')
      const startedAt = performance.now()
      // Where a look at an empty queue takes a second, it must end before the message is back.
      await first.requeue({ delayMs: features.leases ? 2_500 : 700 })
      expect(await broker.get('work')).toBeUndefined()
      expect((await taken(broker, 'work')).redelivered).toBe(true)
      expect(performance.now() - startedAt).toBeGreaterThan(650)
    })

    test('a message that waits to be requeued is back at once where its consumer closes', async () => {
      const { broker, space } = await startWith('work')
      await publishAll(broker, 'work', 1)
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 1 },
        (d) => void held.push(d),
      )
      await waitFor('the delivery', () => held.length === 1)
      await held[0]?.requeue({ delayMs: 3_600_000 })
      expect(held[0]?.isSettled).toBe(true)
      await subscription.close()
      const { bodies } = await collect(openIn(space), 'work', 1)
      expect(bodies).toEqual(['0'])
    })

    testOf('deadLetterArguments')(
      'a rejected message is gone, or goes where the queue sends its dead letters',
      async () => {
        const { broker } = await startWith(
          'dead',
          'plain',
          durableQueue('work', {
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': 'dead',
          }),
        )
        await broker.publish(message('a'), toQueue('plain'))
        await broker.publish(message('b'), toQueue('work'))
        await (await taken(broker, 'plain', 'hold')).reject()
        await (await taken(broker, 'work', 'hold')).reject()
        await waitFor('the dead letter', async () => (await broker.depth('dead')).messages === 1)
        expect(await depths(broker, 'plain', 'work')).toEqual([0, 0])
        const dead = await taken(broker, 'dead')
        expect(textOf(dead)).toBe('b')
        expect(dead.message.headers['x-death']).toMatchObject([
          { queue: 'work', reason: 'rejected', count: 1, 'routing-keys': ['work'] },
        ])
      },
    )

    test.each(['ack', 'requeue', 'reject'] as const)(
      'settling twice, by %s, is an error',
      async (how) => {
        const { broker } = await startWith('work')
        await publishAll(broker, 'work', 1)
        const delivery = await taken(broker, 'work', 'hold')
        expect(delivery.isSettled).toBe(false)
        await delivery.ack()
        expect(delivery.isSettled).toBe(true)
        await expect(delivery[how]()).rejects.toMatchObject({ code: 'DELIVERY_SETTLED' })
        expect(await depths(broker, 'work')).toEqual([0])
      },
    )

    test('extend asks for nothing where the broker has no clock', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 1)
      const delivery = await taken(broker, 'work', 'hold')
      await delivery.extend(60_000)
      expect(delivery.isSettled).toBe(false)
    })

    test('a consumer that throws keeps its other deliveries coming', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 3)
      const bodies: string[] = []
      await consuming(broker, 'work', { prefetch: 0 }, (delivery) => {
        bodies.push(textOf(delivery))
        if (bodies.length === 1) throw new Error('a mistake of the consumer')
      })
      await waitFor('all deliveries', () => bodies.length === 3)
    })

    test('get takes one message at a time and answers undefined when none is left', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 2)
      expect(textOf(await taken(broker, 'work'))).toBe('0')
      expect(textOf(await taken(broker, 'work'))).toBe('1')
      expect(await broker.get('work')).toBeUndefined()
    })

    testOf('countsConsumers')(
      'depth counts waiting messages and consumers, purge deletes the waiting ones',
      async () => {
        const { broker } = await startWith('work', 'other')
        await publishAll(broker, 'work', 5)
        expect(await broker.depth('work')).toEqual({ messages: 5, consumers: 0 })
        expect(await broker.purge('work')).toBe(5)
        expect(await broker.depth('work')).toEqual({ messages: 0, consumers: 0 })
        const subscription = await consuming(broker, 'other', { prefetch: 1 }, () => undefined)
        expect((await broker.depth('other')).consumers).toBe(1)
        await subscription.close()
        expect((await broker.depth('other')).consumers).toBe(0)
      },
    )

    testOf('priorities')('higher priorities go first in a queue with priorities', async () => {
      const { broker } = await startWith(durableQueue('work', { 'x-max-priority': 9 }))
      for (const priority of [0, 5, 9, 5]) {
        await broker.publish(message(String(priority), { priority }), toQueue('work'))
      }
      const { bodies } = await collect(broker, 'work', 4)
      expect(bodies).toEqual(['9', '5', '5', '0'])
    })

    testOf('expiry')('a message expires after its own time', async () => {
      const { broker } = await startWith('work')
      await broker.publish(message('short', { expiration: '20' }), toQueue('work'))
      await broker.publish(message('long', { expiration: '60000' }), toQueue('work'))
      await waitFor('the expiry', async () => (await broker.depth('work')).messages === 1)
      expect(textOf(await taken(broker, 'work'))).toBe('long')
    })

    testOf('deadLetterArguments')(
      'messages of a queue with a time limit move on to its dead-letter exchange, then without a limit',
      async () => {
        const { broker } = await startWith(
          'later',
          durableQueue('delay', {
            'x-message-ttl': 30,
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': 'later',
          }),
        )
        await broker.publish(message('x', { expiration: '60000' }), toQueue('delay'))
        await waitFor('the expiry', async () => (await broker.depth('later')).messages === 1)
        const { message: arrived } = await taken(broker, 'later')
        expect(arrived.properties.expiration).toBeUndefined()
        expect(arrived.headers).toMatchObject({
          'x-first-death-reason': 'expired',
          'x-death': [{ queue: 'delay', reason: 'expired' }],
        })
      },
    )
  })

  describe(`${name}: subscriptions`, () => {
    test('a paused subscription takes nothing new until it is resumed; what it holds can be settled', async () => {
      const { broker } = await startWith('work')
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 5 },
        (d) => void held.push(d),
      )
      await publishAll(broker, 'work', 1)
      await waitFor('the first delivery', () => held.length === 1)
      await subscription.pause()
      await publishAll(broker, 'work', 3)
      await settled(broker)
      expect(held).toHaveLength(1)
      await held[0]?.ack()
      await waitFor('what was on its way', async () => (await depths(broker, 'work'))[0] === 3)
      await subscription.resume()
      await waitFor('the others', () => held.length === 4)
    })

    test('setPrefetch changes how many deliveries may be unsettled, up and down', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 20)
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 2 },
        (d) => void held.push(d),
      )
      await waitFor('two deliveries', () => held.length === 2)
      await subscription.setPrefetch(5)
      await waitFor('five deliveries', () => held.length === 5)
      await subscription.setPrefetch(1)
      await settled(broker)
      for (const delivery of held.slice(0, 4)) await delivery.ack()
      await settled(broker)
      expect(held).toHaveLength(5)
      await held[4]?.ack()
      await waitFor('one more', () => held.length === 6)
      await settled(broker)
      expect(held).toHaveLength(6)
    })

    test('a consumer with a tag of its own and a prefetch beyond 16 bits works, and may change it', async () => {
      const { broker } = await startWith('work')
      const held: Delivery[] = []
      const options = { prefetch: 100_000, consumerTag: 'a tag' }
      const subscription = await consuming(broker, 'work', options, (d) => void held.push(d))
      for (const prefetch of [70_000, 10]) await subscription.setPrefetch(prefetch)
      await subscription.pause()
      await subscription.resume()
      await publishAll(broker, 'work', 12)
      await waitFor('ten deliveries', () => held.length === 10)
      await settled(broker)
      expect(held).toHaveLength(10)
      expect((await broker.depth('work')).consumers).toBe(consumers(1))
    })

    test('a closed subscription gives its unsettled deliveries back, and settling those does nothing', async () => {
      const { broker } = await startWith('work')
      await publishAll(broker, 'work', 3)
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 0 },
        (d) => void held.push(d),
      )
      await waitFor('all deliveries', () => held.length === 3)
      await subscription.close()
      await held[0]?.ack()
      const { bodies, deliveries } = await collect(broker, 'work', 3)
      expect(inOrder(bodies)).toEqual(['0', '1', '2'])
      expect(deliveries.every(({ redelivered }) => redelivered)).toBe(true)
    })

    test('a subscription may be closed twice, and resumed or paused after that', async () => {
      const { broker } = await startWith('work')
      const subscription = await consuming(broker, 'work', { prefetch: 1 }, () => undefined)
      await subscription.close()
      await subscription.close()
      await subscription.pause()
      await subscription.resume()
      expect((await broker.depth('work')).consumers).toBe(consumers(0))
    })

    test('a queue deleted under its consumer is declared again, with its bindings, and consumed', async () => {
      const { broker, space } = await start()
      await broker.declare(
        topology({
          exchanges: [durableExchange('tasks', 'topic')],
          queues: [durableQueue('work')],
          bindings: [bound('tasks', 'work', 'work')],
        }),
      )
      const bodies: string[] = []
      await consuming(broker, 'work', { prefetch: 1 }, (delivery) => {
        bodies.push(textOf(delivery))
        void delivery.ack()
      })
      await space.deleteQueue('work')
      if (features.countsConsumers) {
        await waitFor('the consumer', async () => (await broker.depth('work')).consumers === 1)
      }
      await broker.publish(message('after'), { exchange: 'tasks', routingKey: 'work' })
      await waitFor('the delivery', () => bodies.includes('after'))
    })

    test('a consumer whose queue is gone says so, and consumes it again once it is back', async () => {
      const { broker, space } = await startWith('work')
      const stranger = openIn(space)
      const problems: Error[] = []
      const bodies: string[] = []
      const options = { prefetch: 1, onProblem: (cause: Error) => problems.push(cause) }
      await consuming(stranger, 'work', options, (delivery) => {
        bodies.push(textOf(delivery))
        void delivery.ack()
      })
      await space.deleteQueue('work')
      await waitFor('the problem', () => stranger.problems.length > 0)
      expect(stranger.problems).toMatchObject([{ queue: 'work' }])
      expect(problems).toMatchObject([{ code: 'QUEUE_MISSING' }])
      await expect(broker.depth('work')).rejects.toMatchObject({ code: 'QUEUE_MISSING' })
      await broker.declare({ exchanges: [], queues: [durableQueue('work')], bindings: [] })
      await broker.publish(message('after'), { exchange: '', routingKey: 'work' })
      await waitFor('the delivery', () => bodies.includes('after'))
      expect(stranger.problems).toEqual([])
    })
  })

  const hasConnection = features.connectionDeliveries || features.connectionQueues
  const describeLosses: (name: string, tests: () => void) => void = hasConnection
    ? describe
    : () => undefined
  describeLosses(`${name}: losing the connection`, () => {
    testOf('connectionDeliveries')(
      'lost and restored are reported, and consumers go on with what was unsettled',
      async () => {
        const { broker, space } = await startWith('work')
        await publishAll(broker, 'work', 2)
        const events: string[] = []
        broker.on('lost', (cause) => events.push(`lost ${cause instanceof Error}`))
        broker.on('restored', () => events.push('restored'))
        const held: Delivery[] = []
        await consuming(broker, 'work', { prefetch: 2 }, (d) => void held.push(d))
        await waitFor('the deliveries', () => held.length === 2)
        await space.loseConnection(broker)
        await waitFor('the deliveries again', () => held.length === 4)
        expect(events).toEqual(['lost true', 'restored'])
        expect(held.slice(2).map(textOf).sort()).toEqual(['0', '1'])
        expect(held.slice(2).every(({ redelivered }) => redelivered)).toBe(true)
      },
    )

    testOf('connectionDeliveries')(
      'settling a delivery after the loss does nothing, settling it twice is still an error',
      async () => {
        const { broker, space } = await startWith('work')
        await publishAll(broker, 'work', 1)
        const held: Delivery[] = []
        await consuming(broker, 'work', { prefetch: 1 }, (d) => void held.push(d))
        await waitFor('the delivery', () => held.length === 1)
        await space.loseConnection(broker)
        await waitFor('the delivery again', () => held.length === 2)
        expect(held.map(({ isLost }) => isLost)).toEqual([true, false])
        await held[0]?.ack()
        await expect(held[0]?.ack()).rejects.toMatchObject({ code: 'DELIVERY_SETTLED' })
        await held[1]?.ack()
        await settled(broker)
        expect(held).toHaveLength(2)
        expect(await depths(broker, 'work')).toEqual([0])
      },
    )

    testOf('connectionQueues')(
      'what belongs to the connection alone is declared again',
      async () => {
        const { broker, space } = await startWith({
          name: 'mine',
          durable: false,
          exclusive: true,
          autoDelete: true,
          arguments: {},
        })
        const bodies: string[] = []
        await consuming(broker, 'mine', { prefetch: 1 }, (delivery) => {
          bodies.push(textOf(delivery))
          void delivery.ack()
        })
        const restored = new Promise<void>((resolve) => broker.on('restored', resolve))
        await space.loseConnection(broker)
        await restored
        await broker.publish(message('after'), toQueue('mine'))
        await waitFor('the delivery', () => bodies.includes('after'))
      },
    )

    testOf('connectionDeliveries')(
      'publishes made while the connection is away arrive when it is back',
      async () => {
        const { broker, space } = await startWith('work')
        const lost = new Promise<void>((resolve) => broker.on('lost', () => resolve()))
        const losing = space.loseConnection(broker)
        await lost
        await Promise.all(range(20).map((n) => broker.publish(message(String(n)), toQueue('work'))))
        await losing
        const { bodies } = await collectDistinct(broker, 'work', 20)
        expect(bodies.size).toBe(20)
      },
    )

    testOf('connectionDeliveries')('a paused subscription stays paused over a loss', async () => {
      const { broker, space } = await startWith('work')
      const held: Delivery[] = []
      const subscription = await consuming(
        broker,
        'work',
        { prefetch: 1 },
        (d) => void held.push(d),
      )
      await subscription.pause()
      const restored = new Promise<void>((resolve) => broker.on('restored', resolve))
      await space.loseConnection(broker)
      await restored
      await publishAll(broker, 'work', 1)
      await settled(broker)
      expect(held).toHaveLength(0)
      await subscription.resume()
      await waitFor('the delivery', () => held.length === 1)
    })

    testOf('connectionDeliveries')('a listener that was taken off is told nothing', async () => {
      const { broker, space } = await startWith('work')
      const told: string[] = []
      const onLost = (): void => void told.push('lost')
      broker.on('lost', onLost)
      broker.off('lost', onLost)
      const restored = new Promise<void>((resolve) => broker.on('restored', resolve))
      await space.loseConnection(broker)
      await restored
      expect(told).toEqual([])
    })
  })

  describe(`${name}: closing`, () => {
    test('closing waits for publishes in flight and gives unsettled deliveries back', async () => {
      const { broker, space } = await startWith('work', 'other')
      await publishAll(broker, 'work', 1)
      await taken(broker, 'work', 'hold')
      const sent = range(50).map((n) => broker.publish(message(String(n)), toQueue('other')))
      await broker.close()
      await Promise.all(sent)
      const other = openIn(space)
      await waitFor('the unsettled one', async () => (await other.depth('work')).messages === 1)
      expect(await depths(other, 'other')).toEqual([50])
    })

    test('acks given just before closing count', async () => {
      const { broker, space } = await startWith('work')
      await publishAll(broker, 'work', 10)
      const held: Delivery[] = []
      await consuming(broker, 'work', { prefetch: 0 }, (d) => void held.push(d))
      await waitFor('all deliveries', () => held.length === 10)
      for (const delivery of held) void delivery.ack()
      await broker.close()
      expect(await depths(openIn(space), 'work')).toEqual([0])
    })

    test('after close everything is refused as closed, and closing again is fine', async () => {
      const { broker } = await startWith('work')
      await broker.close()
      await broker.close()
      const closed = { code: 'BROKER_CLOSED' }
      await expect(broker.publish(message('x'), toQueue('work'))).rejects.toMatchObject(closed)
      await expect(broker.publishMany([])).rejects.toMatchObject(closed)
      await expect(broker.declare(topology({}))).rejects.toMatchObject(closed)
      await expect(broker.get('work')).rejects.toMatchObject(closed)
      await expect(broker.depth('work')).rejects.toMatchObject(closed)
      await expect(broker.purge('work')).rejects.toMatchObject(closed)
      await expect(broker.consume('work', { prefetch: 1 }, () => undefined)).rejects.toMatchObject(
        closed,
      )
    })

    test('its url is shown without a password', async () => {
      const { broker } = await start()
      expect(broker.safeUrl).not.toContain(':guest@')
      expect(broker.safeUrl).toContain(`${broker.kind}://`)
    })
  })
}

const fullMessage: Message = {
  headers: { lang: 'js', task: 'export.add', retries: 0, timelimit: [null, 300] },
  properties: {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
    correlationId: 'c1',
    replyTo: 'r1',
    expiration: '60000',
    messageId: 'm1',
    timestamp: 1_790_000_000,
    type: 't',
    appId: 'a',
  },
  body: Buffer.from('[[2, 3], {}, {}]'),
}

function openIn(space: BrokerSpace): Broker {
  const broker = space.open()
  onTestFinished(() => broker.close())
  return broker
}

function message(text: string, properties: MessageProperties = {}): Message {
  return { headers: {}, properties, body: Buffer.from(text) }
}

function toQueue(queue: string): Route {
  return { exchange: '', routingKey: queue }
}

function topology(parts: Partial<Topology>): Topology {
  return { exchanges: [], queues: [], bindings: [], ...parts }
}

function bound(exchange: string, queue: string, routingKey: string): Binding {
  return { exchange, queue, routingKey }
}

function fanout(exchange: string, queues: readonly string[]): Topology {
  return {
    exchanges: [durableExchange(exchange, 'fanout')],
    queues: queues.map((queue) => durableQueue(queue)),
    bindings: queues.map((queue) => bound(exchange, queue, '')),
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

function textOf(delivery: Delivery): string {
  return delivery.message.body.toString()
}

async function publishAll(broker: Broker, queue: string, count: number): Promise<void> {
  await broker.publishMany(
    range(count).map((n) => ({ message: message(String(n)), route: toQueue(queue) })),
  )
}

/** How many messages they are: a standard queue of SQS may hand one out twice, and moto does so to polls side by side. */
function different(deliveries: readonly Delivery[]): number {
  return new Set(deliveries.map(textOf)).size
}

async function taken(
  broker: Broker,
  queue: string,
  then: 'ack' | 'hold' = 'ack',
): Promise<Delivery> {
  const delivery = await waitFor(`a message in ${queue}`, () => broker.get(queue))
  if (then === 'ack') await delivery.ack()
  return delivery
}

async function consuming(
  broker: Broker,
  queue: string,
  options: ConsumeOptions,
  onDelivery: (delivery: Delivery) => void,
): Promise<Subscription> {
  const subscription = await broker.consume(queue, options, onDelivery)
  onTestFinished(() => subscription.close())
  return subscription
}

async function collect(
  broker: Broker,
  queue: string,
  count: number,
): Promise<{ bodies: string[]; deliveries: Delivery[]; subscription: Subscription }> {
  const deliveries: Delivery[] = []
  const subscription = await consuming(broker, queue, { prefetch: 50 }, (delivery) => {
    deliveries.push(delivery)
    void delivery.ack()
  })
  await waitFor(`${count} deliveries`, () => deliveries.length >= count)
  return { bodies: deliveries.map(textOf), deliveries, subscription }
}

/** At least once: a message that was on its way when a channel ended may come twice. */
async function collectDistinct(
  broker: Broker,
  queue: string,
  count: number,
): Promise<{ bodies: Set<string> }> {
  const bodies = new Set<string>()
  await consuming(broker, queue, { prefetch: 50 }, (delivery) => {
    bodies.add(textOf(delivery))
    void delivery.ack()
  })
  await waitFor(`${count} different deliveries`, () => bodies.size >= count)
  await settled(broker)
  return { bodies }
}

async function depths(broker: Broker, ...queues: readonly string[]): Promise<number[]> {
  const found = await Promise.all(queues.map((queue) => broker.depth(queue)))
  return found.map(({ messages }) => messages)
}

/** Until the broker has done what it was asked: a message sent after all of it has come back. */
async function settled(broker: Broker): Promise<void> {
  await broker.declare(topology({ queues: [durableQueue('echo')] }))
  await broker.publish(message('echo'), toQueue('echo'))
  await taken(broker, 'echo')
}
