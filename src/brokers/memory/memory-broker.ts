import { type Deferred, deferred } from '../../async/deferred.ts'
import { startInterval, type Timer } from '../../async/timer.ts'
import { withDeadline } from '../../async/with-deadline.ts'
import { BrokerError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Message, Route } from '../../protocol/message.ts'
import { takeBlindCopies } from '../../protocol/routing/mirror-copies.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import { textOfError } from '../../text-of-error.ts'
import type {
  Broker,
  ConsumeOptions,
  ConsumerProblem,
  Delivery,
  PublishOptions,
  QueueDepth,
  RoutedMessage,
  Subscription,
} from '../broker.ts'
import {
  brokerClosed,
  messageUnroutable,
  publishRefused,
  queueMissing,
  routeText,
} from '../broker-errors.ts'
import { BrokerEvents } from '../broker-events.ts'
import { MEMORY_FEATURES } from '../features.ts'
import { KnownTopology } from '../known-topology.ts'
import { unsupportedOption } from '../publish-each.ts'
import { declareIn } from './declare.ts'
import { MemoryConsumer } from './receiving/memory-consumer.ts'
import { HeldDeliveries } from './receiving/memory-delivery.ts'
import type { MemoryQueue } from './server/memory-queue.ts'
import { type MemorySpace, memorySpace } from './server/memory-space.ts'
import { storeMessage } from './server/stored-message.ts'

const DONE = Promise.resolve()
const DEADLINE_MS = 5000
/** Publishes in a row before the event loop gets a turn, so that a publisher that never waits does not starve the rest. */
const TURN = 256
const nextTurn = setImmediate
const KEEP_ALIVE_MS = 2 ** 30

/** A connection to a broker that lives in this process: same promises, same bytes, nothing kept after it ends. */
export class MemoryBroker implements Broker {
  readonly kind = 'memory'
  readonly features = MEMORY_FEATURES
  readonly safeUrl: string
  /** No other process could receive them. */
  readonly carriesEvents: boolean = false
  readonly #log: Logger
  readonly #space: MemorySpace
  readonly #known = new KnownTopology()
  readonly #events = new BrokerEvents()
  readonly #consumers = new Set<MemoryConsumer>()
  readonly #got = new HeldDeliveries()
  readonly #waiting = new Set<Promise<void>>()
  #published = 0
  #isClosed: boolean = false
  #away: Deferred<void> | undefined
  #keepAlive: Timer | undefined

  constructor(name: string, log: Logger = silentLogger) {
    this.safeUrl = `memory://${name}`
    this.#log = log
    this.#space = memorySpace(name)
  }

  async declare(topology: Topology): Promise<void> {
    await this.#connected()
    declareIn(this.#space, topology, { connection: this, known: this.#known })
  }

  publish(message: Message, route: Route, options: PublishOptions = {}): Promise<void> {
    return this.#publish(message, route, options)
  }

  #publish(message: Message, route: Route, options: PublishOptions = {}): Promise<void> {
    if (this.#isClosed) return Promise.reject(brokerClosed(this.safeUrl))
    const reason = unsupportedOption(options, this.features)
    if (reason !== undefined) return Promise.reject(publishRefused(route, this.safeUrl, { reason }))
    if (this.#away !== undefined) return this.#publishWhenBack(message, route, options)
    try {
      this.#send(message, route, options)
    } catch (cause) {
      return Promise.reject(cause)
    }
    this.#published += 1
    return this.#published % TURN === 0 ? new Promise((resolve) => nextTurn(resolve)) : DONE
  }

  async publishMany(messages: readonly RoutedMessage[], options?: PublishOptions): Promise<void> {
    if (this.#isClosed) throw brokerClosed(this.safeUrl)
    const outcomes = await Promise.allSettled(
      messages.map(({ message, route }) => this.#publish(message, route, options)),
    )
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  async consume(
    queue: string,
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    await this.#queue(queue)
    const consumer = new MemoryConsumer({
      queueName: queue,
      options,
      onDelivery,
      log: this.#log,
      safeUrl: this.safeUrl,
      findQueue: () => this.#findQueue(queue),
      onClosed: (closed) => this.#forget(closed),
    })
    this.#consumers.add(consumer)
    // As a socket would: a process with a consumer does not end.
    this.#keepAlive ??= startInterval(KEEP_ALIVE_MS, () => undefined)
    consumer.attach()
    return consumer
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const found = await this.#queue(queue)
    const entry = found.take()
    return entry === undefined ? undefined : this.#got.hold(found, entry)
  }

  async depth(queue: string): Promise<QueueDepth> {
    return (await this.#queue(queue)).depth
  }

  async purge(queue: string): Promise<number> {
    return (await this.#queue(queue)).purge()
  }

  get problems(): readonly ConsumerProblem[] {
    return [...this.#consumers].flatMap(({ problem }) => problem ?? [])
  }

  on(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#events.on(event, listener)
  }

  off(event: 'lost' | 'restored', listener: (cause: Error) => void): void {
    this.#events.off(event, listener)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const consumer of [...this.#consumers]) await consumer.close()
    this.#got.giveBack()
    await Promise.allSettled([...this.#waiting])
    this.#space.disconnect(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For tests: deletes a queue, as another program might. */
  deleteQueue(queue: string): void {
    this.#space.deleteQueue(queue)
  }

  /** For tests: this connection is gone, until `simulateRestore()`. */
  simulateLoss(cause = new Error('the connection was closed by a test')): void {
    if (this.#isClosed || this.#away !== undefined) return
    this.#away = deferred()
    for (const consumer of this.#consumers) consumer.detach()
    this.#got.giveBack()
    this.#space.disconnect(this)
    this.#events.lost(cause)
  }

  /** For tests: the connection is back, with its topology, its consumers, and what waited to be published. */
  simulateRestore(): void {
    const away = this.#away
    if (away === undefined) return
    this.#away = undefined
    this.#declareAgain(this.#known)
    for (const consumer of [...this.#consumers]) consumer.attach()
    away.resolve()
    this.#events.restored()
  }

  #send(given: Message, route: Route, { mandatory }: PublishOptions): void {
    const { message, queues: copied } = takeBlindCopies(given)
    const queues = this.#space.routeAll(route, copied)
    if (queues === undefined) {
      throw publishRefused(route, this.safeUrl, { reason: 'there is no such exchange' })
    }
    const stored = this.#store(message, route)
    if (mandatory && queues.length === 0) throw messageUnroutable(route, this.safeUrl)
    for (const queue of queues) queue.enqueue(stored)
  }

  #store(message: Message, route: Route): ReturnType<typeof storeMessage> {
    const { expiration } = message.properties
    if (expiration !== undefined && !/^\d+$/.test(expiration)) {
      const reason = `its expiration is "${expiration}", expected whole milliseconds`
      throw publishRefused(route, this.safeUrl, { reason })
    }
    try {
      return storeMessage(message, route)
    } catch (cause) {
      const reason = textOfError(cause)
      throw publishRefused(route, this.safeUrl, { reason, cause })
    }
  }

  async #publishWhenBack(message: Message, route: Route, options: PublishOptions): Promise<void> {
    const ms = options.deadlineMs ?? DEADLINE_MS
    const late = (): Error =>
      new BrokerError(
        'BROKER_UNREACHABLE',
        `the message for ${routeText(route)} could not be published: ${this.safeUrl} was away for ${ms} ms`,
      )
    const sent = withDeadline(this.#away?.promise ?? DONE, ms, late).then(() =>
      this.#send(message, route, options),
    )
    this.#waiting.add(sent)
    try {
      await sent
    } finally {
      this.#waiting.delete(sent)
    }
  }

  async #connected(): Promise<void> {
    if (this.#isClosed) throw brokerClosed(this.safeUrl)
    await this.#away?.promise
  }

  async #queue(name: string): Promise<MemoryQueue> {
    await this.#connected()
    const queue = this.#space.queue(name)
    if (queue === undefined) throw queueMissing(name, this.safeUrl)
    return queue
  }

  #findQueue(name: string): MemoryQueue | undefined {
    const known = this.#known.around(name)
    if (this.#space.queue(name) === undefined && known !== undefined) {
      this.#declareAgain(known)
    }
    return this.#space.queue(name)
  }

  #declareAgain(topology: Topology): void {
    try {
      declareIn(this.#space, topology, { connection: this, known: this.#known })
    } catch (cause) {
      this.#log.error({ broker: this.safeUrl, err: cause }, 'topology cannot be declared again')
    }
  }

  #forget(consumer: MemoryConsumer): void {
    this.#consumers.delete(consumer)
    if (this.#consumers.size > 0) return
    this.#keepAlive?.clear()
    this.#keepAlive = undefined
  }
}
