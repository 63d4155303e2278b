import { type Deferred, deferred } from '../../async/deferred.ts'
import { startInterval, type Timer } from '../../async/timer.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import { safeUrl } from '../../safe-url.ts'
import { BaseBroker } from '../base-broker.ts'
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
  messageUnwritable,
  queueMissing,
  unsupportedOption,
} from '../broker-errors.ts'
import { MEMORY_FEATURES } from '../features.ts'
import { KnownTopology } from '../known-topology.ts'
import { declareIn } from './declare.ts'
import { MemoryConsumer } from './receiving/memory-consumer.ts'
import { HeldDeliveries } from './receiving/memory-delivery.ts'
import { MemoryPublisher } from './sending/memory-publisher.ts'
import type { MemoryQueue } from './server/memory-queue.ts'
import { type MemorySpace, memorySpace } from './server/memory-space.ts'

const KEEP_ALIVE_MS = 2 ** 30

/** A connection to a broker that lives in this process: same promises, same bytes, nothing kept after it ends. */
export class MemoryBroker extends BaseBroker implements Broker {
  readonly kind = 'memory'
  readonly features = MEMORY_FEATURES
  readonly safeUrl: string
  /** No other process could receive them. */
  readonly carriesEvents: boolean = false
  readonly #log: Logger
  readonly #space: MemorySpace
  readonly #known = new KnownTopology()
  readonly #consumers = new Set<MemoryConsumer>()
  readonly #got = new HeldDeliveries()
  readonly #publisher: MemoryPublisher
  #isClosed: boolean = false
  #away: Deferred<void> | undefined
  #keepAlive: Timer | undefined

  constructor(name: string, log: Logger = silentLogger) {
    super()
    this.safeUrl = safeUrl(`memory://${name}`)
    this.#log = log
    this.#space = memorySpace(name)
    this.#publisher = new MemoryPublisher({
      space: this.#space,
      safeUrl: this.safeUrl,
      away: () => this.#away?.promise,
    })
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
    if (reason !== undefined)
      return Promise.reject(messageUnwritable(route, this.safeUrl, { reason }))
    return this.#publisher.publish(message, route, options)
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

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const consumer of [...this.#consumers]) await consumer.close()
    this.#got.giveBack()
    await this.#publisher.drained()
    this.#space.disconnect(this)
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
    this.emitLost(cause)
  }

  /** For tests: the connection is back, with its topology, its consumers, and what waited to be published. */
  simulateRestore(): void {
    const away = this.#away
    if (away === undefined) return
    this.#away = undefined
    this.#declareAgain(this.#known)
    for (const consumer of [...this.#consumers]) consumer.attach()
    away.resolve()
    this.emitRestored()
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
