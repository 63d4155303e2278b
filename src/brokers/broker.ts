import type { Message, Route } from '../protocol/message.ts'
import type { Topology } from '../protocol/routing/topology.ts'
import type { BrokerFeatures } from './features.ts'

/**
 * Journey 2/7, exchange: carries messages and settles deliveries; knows nothing of tasks. Next: the queues, in
 * config/queues/topology.ts.
 * test/contracts/broker-contract.ts says in tests what each method promises; every broker passes it.
 */
export interface Broker extends AsyncDisposable {
  /** For people: log lines and tests. What it can do is asked of `features`. */
  readonly kind: 'amqp' | 'sqs' | 'memory'
  readonly features: BrokerFeatures
  /** The url it was opened with, its password masked. */
  readonly safeUrl: string
  /** Whether many can hear one message: events travel then. Elsewhere they go to the platform queue. */
  readonly carriesEvents: boolean

  /** Connects if need be, then declares exchanges, queues and bindings of both; remembered and repeated after a reconnect. */
  declare(topology: Topology): Promise<void>

  /** Resolves once the broker has confirmed the message; rejects with a `BrokerError`, never drops silently. */
  publish(message: Message, route: Route, options?: PublishOptions): Promise<void>

  /** Publishes all of them, confirmed together; rejects with the first failure, the others are still tried. */
  publishMany(messages: readonly RoutedMessage[], options?: PublishOptions): Promise<void>

  /** Starts consuming; deliveries go to `onDelivery` one by one, never more unsettled than `prefetch`. */
  consume(
    queue: string,
    options: ConsumeOptions,
    onDelivery: (delivery: Delivery) => void,
  ): Promise<Subscription>

  /** Takes one message, or undefined where none waits. */
  get(queue: string): Promise<Delivery | undefined>

  /** Queues that are to be consumed here and are not, and why: each is tried again until it succeeds or is closed. */
  readonly problems: readonly ConsumerProblem[]

  /** How many messages wait in the queue and how many consumers it has. */
  depth(queue: string): Promise<QueueDepth>

  /** Deletes the messages that wait; says how many. */
  purge(queue: string): Promise<number>

  /** `lost`: the connection is gone and is being sought; `restored`: topology and consumers are back. */
  on(event: 'lost', listener: (cause: Error) => void): void
  on(event: 'restored', listener: () => void): void
  off(event: 'lost' | 'restored', listener: (cause: Error) => void): void

  /** Ends consumers, waits for publishes in flight (until their deadline), then disconnects. */
  close(): Promise<void>
}

export interface RoutedMessage {
  readonly message: Message
  readonly route: Route
}

export interface PublishOptions {
  /** Reject with MESSAGE_UNROUTABLE where no queue takes the message. Default false. */
  readonly mandatory?: boolean
  /** How long a publish may wait for its confirm, reconnects included. Default 5000. */
  readonly deadlineMs?: number
  /** Keep it back for so long; PUBLISH_REFUSED beyond `features.longestDelayMs`. */
  readonly delayMs?: number
  /** Messages of one group stay in order; PUBLISH_REFUSED without `features.groups`. */
  readonly groupKey?: string
  /** Of equal ones sent shortly after each other, one arrives; PUBLISH_REFUSED without `features.deduplication`. */
  readonly dedupKey?: string
}

export interface ConsumeOptions {
  /** The most deliveries that may be unsettled at a time; 0 is unlimited. */
  readonly prefetch: number
  /** Shown in the broker's own tools. */
  readonly consumerTag?: string
  /** Called once each time the server refuses to let the queue be consumed; it is tried again until it succeeds. */
  readonly onProblem?: (cause: Error) => void
  /** Arguments of the consumer, such as RabbitMQ's `x-stream-offset`; brokers without such ignore them. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** A queue that is not consumed though it should be. */
export interface ConsumerProblem {
  readonly queue: string
  readonly reason: string
}

/** A consumer: it takes deliveries until it is closed, over lost connections, deleted queues and permissions that come back. */
export interface Subscription {
  readonly queue: string
  /** Takes no new deliveries; those already handed out stay to be settled. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Changes how many deliveries may be unsettled at a time; `held` of them stay so for long. */
  setPrefetch(prefetch: number, options?: { readonly held?: number }): Promise<void>
  close(): Promise<void>
}

/**
 * A message in a consumer's hands. Exactly one of ack, requeue and reject settles it; a second one throws
 * `BrokerError` DELIVERY_SETTLED. Settling after the connection was lost does nothing: the broker has put the
 * message back already, and will deliver it again.
 */
export interface Delivery {
  readonly message: Message
  readonly queue: string
  /** The exchange and key it was published with. */
  readonly route: Route
  /** 1 for the first delivery; higher, as far as the broker says, when it was delivered before. */
  readonly attempt: number
  readonly redelivered: boolean
  readonly isSettled: boolean
  /** The broker has taken it back (its connection is gone, or its time is over) and delivers it again. */
  readonly isLost: boolean
  /** Aborted once it is lost, and another consumer may have it. */
  readonly lost: AbortSignal
  ack(): Promise<void>
  /**
   * Puts it back into its queue: at once, or after `delayMs`. It counts as settled from now on; until the time has come it
   * takes no place of the prefetch, of which so many may wait besides. What ends the consumer puts it back sooner.
   */
  requeue(options?: RequeueOptions): Promise<void>
  /** Takes it off the queue for good (or to the queue's dead-letter exchange, where it has one). */
  reject(): Promise<void>
  /** Asks for more time before the broker delivers it again; brokers without such a clock do nothing. */
  extend(ms: number): Promise<void>
  /**
   * Where the broker keeps messages back (`features.longestDelayMs`): sends it on as it is, to come again after so long or
   * a part of it, as a new message. False, and nothing done, where its queue delays no single message.
   */
  sendOn?(delayMs: number): Promise<boolean>
}

export interface RequeueOptions {
  readonly delayMs?: number
}

/** A figure that the broker does not give is absent. */
export interface QueueDepth {
  readonly messages: number
  /** Null where the broker does not count them. */
  readonly consumers: number | null
  /** Messages that are kept back for later. */
  readonly delayed?: number
  /** Messages in the hands of consumers. */
  readonly inFlight?: number
  /** The age of the message that waits longest. */
  readonly oldestMs?: number
}
