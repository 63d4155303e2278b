import type { Dict } from '../../codecs/ordered-dict.ts'
import type { Middleware } from './middleware.ts'

/** A message's headers with what the broker says of it: `message-id`, `subscription`, `redelivered` and the like. */
export interface TransportHeader {
  readonly 'message-id'?: number
  readonly subscription?: number
  readonly [name: string]: unknown
}

export interface SendOptions {
  readonly headers?: TransportHeader
  /** Seconds before the message becomes visible. */
  readonly delay?: number
  /** Seconds after which an unread message is dropped. */
  readonly expiration?: number
  /** The id that `transactionBegin` gave. */
  readonly transaction?: number
  /** An exchange to send through; the routing key stays the queue's name. */
  readonly exchange?: string
}

export interface BroadcastOptions {
  readonly headers?: TransportHeader
  /** A broadcast cannot wait: 0 is taken for none, anything else is refused. */
  readonly delay?: number
  readonly expiration?: number
  readonly transaction?: number
  readonly exchange?: string
}

export interface SubscribeOptions {
  /** Messages wait for `ack` or `nack`; without it they are settled on arrival. */
  readonly acknowledgement?: boolean
  /** Unacknowledged messages in hand at a time; 1 by default. */
  readonly prefetchCount?: number
  /** Refuse a second consumer of the queue. */
  readonly exclusive?: boolean
  /** A consumer of a higher priority gets messages before the others, while it may take more. RabbitMQ alone has it. */
  readonly priority?: number
  /** Python's promise that the connection may be made again; here every subscription is taken up again. */
  readonly reconnectable?: boolean
  /** Hand over the body as it is, not parsed as JSON. */
  readonly disableMangling?: boolean
}

export type MessageCallback = (header: TransportHeader, message: unknown) => void | Promise<void>

/** Wraps the callback of every subscription: a service moves them into its own loop that way. */
export type CallbackIntercept = (callback: MessageCallback) => MessageCallback

export interface UnsubscribeOptions {
  /** Forget the callback at once, also for messages in flight. */
  readonly dropCallbackReference?: boolean
}

/** What a transport may lack; calls that need it are refused with an error that says so. */
export interface TransportFeatures {
  readonly broadcasts: boolean
  readonly temporaryQueues: boolean
  readonly transactions: boolean
  /** A message may have a time after which it is dropped. */
  readonly expiration: boolean
}

/**
 * A thin layer over a broker: queues, broadcasts, acknowledgements, transactions (Zocalo:
 * workflows.transport.common_transport). test/contracts/transport-contract.ts runs against every transport.
 */
export interface Transport {
  /** Where it is not given, the transport has them all. */
  readonly features?: TransportFeatures
  readonly isConnected: boolean
  /** Whether a lost connection can be made again without losing anything: no subscription and no transaction. */
  readonly isReconnectable: boolean

  /** Called by the first use of the transport too. Throws `DisconnectedError`. */
  connect(): Promise<void>
  disconnect(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>

  /** Consumes a queue, which must exist. Resolves with the subscription's id: 1, 2, 3 and so on. */
  subscribe(queue: string, callback: MessageCallback, options?: SubscribeOptions): Promise<number>
  /** Consumes what is broadcast to a topic from now on; never acknowledged. */
  subscribeBroadcast(
    topic: string,
    callback: MessageCallback,
    options?: SubscribeOptions,
  ): Promise<number>
  /** Makes a queue that lives as long as the connection. `hint` becomes part of its name. */
  subscribeTemporary(
    hint: string | null,
    callback: MessageCallback,
    options?: SubscribeOptions,
  ): Promise<{ readonly subscriptionId: number; readonly queue: string }>
  unsubscribe(subscriptionId: number, options?: UnsubscribeOptions): Promise<void>

  /** Sends a JSON value to a queue; resolves when the broker has it. */
  send(queue: string, message: unknown, options?: SendOptions): Promise<void>
  /** Sends a body as it is. */
  rawSend(queue: string, body: string | Uint8Array, options?: SendOptions): Promise<void>
  broadcast(topic: string, message: unknown, options?: BroadcastOptions): Promise<void>
  rawBroadcast(topic: string, body: string | Uint8Array, options?: BroadcastOptions): Promise<void>

  ack(header: TransportHeader | number, options?: SettleOptions): Promise<void>
  nack(header: TransportHeader | number, options?: NackOptions): Promise<void>

  /** Resolves with the transaction's id. It can acknowledge only on the subscription that it names. */
  transactionBegin(options?: { readonly subscriptionId?: number | undefined }): Promise<number>
  transactionCommit(transaction: number): Promise<void>
  transactionAbort(transaction: number): Promise<void>

  /** Throws for options that a broadcast of this transport cannot keep, before anything is sent. */
  checkBroadcast?(topic: string, options: BroadcastOptions): void
  /** After a callback that failed: drops its transaction, and gives the message back where it is still in hand. */
  giveBack?(header: TransportHeader): Promise<void>
  /** Drops what a callback has begun on the subscription of its message, where one at a time is in hand. */
  forgetTransactions?(header: TransportHeader): Promise<void>
  /** Messages that wait in a queue; null where the transport cannot know. */
  depth?(queue: string): Promise<number | null>
  /** The queues that are subscribed to. */
  readonly subscribedQueues?: readonly string[]
  /** A front end's report of its service. */
  broadcastStatus?(status: unknown): Promise<void>
  /** Stands around every call and callback; the newest is outermost. */
  addMiddleware?(middleware: Middleware): void
  /** Wraps the callbacks of all subscriptions, also of those that are there already. */
  interceptCallbacks?(intercept: CallbackIntercept): void
}

export interface SettleOptions {
  /** Needed where a message id is given instead of a header. */
  readonly subscriptionId?: number
  readonly transaction?: number
}

export interface NackOptions extends SettleOptions {
  /** Give the message back to its queue; true by default. False dead-letters it. */
  readonly requeue?: boolean
}

/** The body of a recipe message: what is sent along with every payload. */
export interface RecipeMessage {
  readonly environment: Dict
  readonly payload: unknown
  readonly recipe: ReadonlyMap<string, unknown>
  readonly 'recipe-path': readonly unknown[]
  readonly 'recipe-pointer': unknown
}
