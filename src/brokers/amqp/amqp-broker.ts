import type { Channel, ChannelModel } from 'amqplib'
import { BrokerError } from '../../errors.ts'
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
import { Failover, type FailoverStrategy, failoverOrder, urlsIn } from '../failover.ts'
import { AMQP_FEATURES } from '../features.ts'
import { KnownTopology } from '../known-topology.ts'
import type { AmqpTls } from './connecting/amqp-url.ts'
import { type ConnectOptions, checkSettings, connect, targetOf } from './connecting/connect.ts'
import { AmqpConnection } from './connecting/connection.ts'
import { RpcChannel } from './connecting/rpc-channel.ts'
import { isHopeless, isNotFound } from './connecting/server-errors.ts'
import { warnOfOptionsWithoutEffect } from './connecting/transport-options.ts'
import { declarationRefused, declarationsOf } from './declare.ts'
import { AmqpConsumer, consumeRefused } from './receiving/amqp-consumer.ts'
import { Getter } from './receiving/getter.ts'
import { AmqpPublisher } from './sending/amqp-publisher.ts'

const CONNECT_TIMEOUT_MS = 10_000

interface AmqpBrokerOptions
  extends Pick<ConnectOptions, 'ssl' | 'loginMethod' | 'transportOptions' | 'silentMs'> {
  /** One url, or several with `;` between them: where one cannot be reached, the next is used. */
  readonly url: string
  /** Which one is next. Default round-robin: in their order. */
  readonly failoverStrategy?: FailoverStrategy | undefined
  readonly logger?: Logger
  readonly connectionName?: string
  readonly heartbeatSeconds?: number
  readonly connectTimeoutMs?: number
  readonly tls?: AmqpTls
}

/** RabbitMQ, over one connection that is restored whenever it is lost. */
export class AmqpBroker extends BaseBroker implements Broker {
  readonly kind = 'amqp'
  readonly features = AMQP_FEATURES
  readonly safeUrl: string
  readonly carriesEvents = true
  readonly #log: Logger
  readonly #connectTimeoutMs: number
  readonly #known = new KnownTopology()
  readonly #rpc = new RpcChannel()
  readonly #getter = new Getter()
  readonly #consumers = new Set<AmqpConsumer>()
  readonly #connection: AmqpConnection
  readonly #publisher: AmqpPublisher
  /** What could not be declared again, said once. */
  readonly #refused = new Set<string>()
  #isClosed: boolean = false

  constructor(options: AmqpBrokerOptions) {
    super()
    const urls = urlsIn(options.url)
    const servers = failover(urls, options)
    this.safeUrl = urls.map(safeUrl).join(';')
    this.#log = options.logger ?? silentLogger
    warnOfOptionsWithoutEffect(options.transportOptions, this.#log)
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    // A server that does not answer leaves time for the others.
    const timeoutMs = Math.ceil(this.#connectTimeoutMs / servers.size)
    this.#connection = new AmqpConnection({
      safeUrl: this.safeUrl,
      log: this.#log,
      connect: (signal) =>
        servers.each(
          (url) => connect(targetOf(url, options), { ...options, timeoutMs, signal }),
          isHopeless,
        ),
      onOpen: (model) => this.#restore(model),
      onLost: (cause) => this.emitLost(cause),
      onRestored: () => this.#onRestored(),
    })
    this.#publisher = new AmqpPublisher({
      safeUrl: this.safeUrl,
      log: this.#log,
      connection: this.#connection,
    })
  }

  async declare(topology: Topology): Promise<void> {
    await this.#whileConnected(async () => undefined)
    const refusals: unknown[] = []
    for (const part of declarationsOf(topology)) {
      try {
        await this.#ask((channel) => part.declare(channel))
        part.remember(this.#known)
      } catch (cause) {
        if (cause instanceof BrokerError) throw cause
        refusals.push(declarationRefused(part.what, cause, this.safeUrl))
      }
    }
    if (refusals.length > 0) throw refusals[0]
  }

  publish(message: Message, route: Route, options?: PublishOptions): Promise<void> {
    const refusal = this.#refusal(route, options)
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#publisher.publish(message, route, options)
  }

  publishMany(messages: readonly RoutedMessage[], options?: PublishOptions): Promise<void> {
    const refusal = this.#refusal(messages[0]?.route, options)
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#publisher.publishMany(messages, options)
  }

  #refusal(route: Route | undefined, options: PublishOptions | undefined): BrokerError | undefined {
    if (this.#isClosed) return brokerClosed(this.safeUrl)
    const reason = options && unsupportedOption(options, this.features)
    return reason && route ? messageUnwritable(route, this.safeUrl, { reason }) : undefined
  }

  async consume(
    queue: string,
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription> {
    const consumer = new AmqpConsumer({
      queueName: queue,
      options,
      onDelivery,
      safeUrl: this.safeUrl,
      log: this.#log,
      isAlive: (model) => this.#connection.isAlive(model),
      declareQueue: (model) => this.#declareQueue(model, queue),
      onClosed: (closed) => this.#consumers.delete(closed),
    })
    try {
      await this.#whileConnected((model) => consumer.attach(model))
    } catch (cause) {
      await consumer.close()
      throw consumeRefused(queue, this.safeUrl, cause)
    }
    this.#consumers.add(consumer)
    return consumer
  }

  async get(queue: string): Promise<Delivery | undefined> {
    // Asked first, as a get from no queue would end the channel that other deliveries are held on.
    await this.depth(queue)
    return await this.#whileConnected((model) => this.#getter.get(model, queue))
  }

  async depth(queue: string): Promise<QueueDepth> {
    const { messageCount, consumerCount } = await this.#askQueue(queue, (channel) =>
      channel.checkQueue(queue),
    )
    return { messages: messageCount, consumers: consumerCount }
  }

  async purge(queue: string): Promise<number> {
    const { messageCount } = await this.#askQueue(queue, (channel) => channel.purgeQueue(queue))
    return messageCount
  }

  get problems(): readonly ConsumerProblem[] {
    return [...this.#consumers].flatMap(({ problem }) => problem ?? [])
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()))
    await this.#publisher.drained()
    this.#getter.flush()
    this.#publisher.close()
    await this.#connection.close()
  }

  async #restore(model: ChannelModel): Promise<void> {
    for (const part of declarationsOf(this.#known)) await this.#declareAgain(model, part)
    await this.#publisher.attach(model)
    for (const consumer of [...this.#consumers]) await consumer.restore(model)
  }

  #onRestored(): void {
    this.#log.info({ broker: this.safeUrl }, 'connection restored')
    this.emitRestored()
  }

  async #declareQueue(model: ChannelModel, queue: string): Promise<void> {
    const topology = this.#known.around(queue)
    if (topology === undefined) return
    for (const part of declarationsOf(topology)) await this.#declareAgain(model, part)
  }

  /** A queue that was declared otherwise elsewhere in the meantime is theirs now; the others are declared. */
  async #declareAgain(
    model: ChannelModel,
    part: ReturnType<typeof declarationsOf>[number],
  ): Promise<void> {
    try {
      await this.#rpc.run(model, (channel) => part.declare(channel))
      this.#refused.delete(part.what)
    } catch (cause) {
      if (!this.#connection.isAlive(model)) throw cause
      if (this.#refused.has(part.what)) return
      this.#refused.add(part.what)
      const refusal = declarationRefused(part.what, cause, this.safeUrl)
      this.#log.error({ err: refusal }, 'topology cannot be declared again')
    }
  }

  async #askQueue<T>(queue: string, question: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(question)
    } catch (cause) {
      throw isNotFound(cause) ? queueMissing(queue, this.safeUrl, cause) : cause
    }
  }

  #ask<T>(question: (channel: Channel) => Promise<T>): Promise<T> {
    return this.#whileConnected((model) => this.#rpc.run(model, question))
  }

  /** Asked again on the next connection where this one is lost meanwhile. */
  async #whileConnected<T>(work: (model: ChannelModel) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw brokerClosed(this.safeUrl)
    let endsAt = performance.now() + this.#connectTimeoutMs
    for (let isAgain = false; ; isAgain = true) {
      const model = await this.#connection.ready(Math.max(0, endsAt - performance.now()))
      try {
        return await work(model)
      } catch (cause) {
        if (this.#connection.isAlive(model)) throw cause
        // One that fell silent took all the time that was meant for connecting.
        if (!isAgain) endsAt = performance.now() + this.#connectTimeoutMs
      }
    }
  }
}

/** Urls that cannot be read, and settings that cannot work, are refused at once. */
function failover(urls: readonly string[], options: AmqpBrokerOptions): Failover<string> {
  for (const url of urls) checkSettings(url, options)
  return new Failover(urls, failoverOrder(urls, options.failoverStrategy ?? 'round-robin'))
}
