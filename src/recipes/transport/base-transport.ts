import { hostname } from 'node:os'
import { hasKey, isDict } from '../../codecs/ordered-dict.ts'
import { TransportError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { encodeMessage } from './mangle.ts'
import { type Middleware, MiddlewareChain } from './middleware.ts'
import { OpenTransactions, type Transaction } from './open-transactions.ts'
import { type Parcel, parcelOf } from './parcel.ts'
import { settle } from './settling.ts'
import type { OpenSubscription, SubscriptionPlan } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'
import type {
  BroadcastOptions,
  CallbackIntercept,
  MessageCallback,
  NackOptions,
  SendOptions,
  SettleOptions,
  SubscribeOptions,
  Transport,
  TransportHeader,
  UnsubscribeOptions,
} from './transport.ts'

/**
 * What all transports have in common: ids, JSON, checks, transactions. A transaction is gathered here and handed to the
 * broker as a whole, so that none is left open there, and a send beside it is never caught in it.
 */
export abstract class BaseTransport implements Transport {
  protected readonly log: Logger
  readonly #subscriptions: Subscriptions
  readonly #transactions = new OpenTransactions()
  readonly #middleware = new MiddlewareChain()
  #intercept: CallbackIntercept = (callback) => callback

  constructor(log: Logger = silentLogger) {
    this.log = log
    this.#subscriptions = new Subscriptions({
      log,
      around: (callback, place) =>
        this.#intercept(this.#middleware.aroundCallback(callback, place)),
    })
  }

  abstract readonly isConnected: boolean
  abstract connect(): Promise<void>
  protected abstract open(plan: SubscriptionPlan): Promise<OpenSubscription>
  protected abstract publish(parcel: Parcel): Promise<void>
  protected abstract commit(
    transaction: Transaction,
    subscription: OpenSubscription | undefined,
  ): Promise<void>
  protected abstract close(): Promise<void>

  get isReconnectable(): boolean {
    return this.#subscriptions.size === 0 && this.#transactions.size === 0
  }

  async disconnect(): Promise<void> {
    this.#subscriptions.clear()
    this.#transactions.clear()
    await this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  /** The newest is outermost. */
  addMiddleware(middleware: Middleware): void {
    this.#middleware.add(middleware)
  }

  interceptCallbacks(intercept: CallbackIntercept): void {
    this.#intercept = intercept
  }

  async subscribe(
    queue: string,
    callback: MessageCallback,
    options: SubscribeOptions = {},
  ): Promise<number> {
    return await this.#middleware.run(
      'subscribe',
      [queue, callback, options],
      async (queue, callback, options) => {
        if (queue === '') throw new TransportError('a subscription needs the name of a queue')
        if (options.acknowledgement === true && options.reconnectable === true) {
          throw new TransportError(
            "Acknowledgements can't be reliably used on reconnectable connections",
          )
        }
        return (await this.#subscribe('queue', queue, { callback, options })).id
      },
    )
  }

  async subscribeBroadcast(
    topic: string,
    callback: MessageCallback,
    options: SubscribeOptions = {},
  ): Promise<number> {
    return await this.#middleware.run(
      'subscribeBroadcast',
      [topic, callback, options],
      async (topic, callback, options) => {
        const unacknowledged = { ...options, acknowledgement: false }
        return (await this.#subscribe('broadcast', topic, { callback, options: unacknowledged })).id
      },
    )
  }

  async subscribeTemporary(
    hint: string | null,
    callback: MessageCallback,
    options: SubscribeOptions = {},
  ): Promise<{ subscriptionId: number; queue: string }> {
    return await this.#middleware.run(
      'subscribeTemporary',
      [hint, callback, options],
      async (hint, callback, options) => {
        const { id, queue } = await this.#subscribe('temporary', hint, { callback, options })
        return { subscriptionId: id, queue }
      },
    )
  }

  async unsubscribe(
    subscriptionId: number,
    { dropCallbackReference = false }: UnsubscribeOptions = {},
  ): Promise<void> {
    await this.#middleware.run('unsubscribe', [subscriptionId], async () => {
      const { open } = this.#subscriptions.entry(subscriptionId, 'end')
      this.#subscriptions.remove(subscriptionId)
      this.#transactions.forgetThoseOf(subscriptionId)
      if (dropCallbackReference) this.#subscriptions.forgetCallback(subscriptionId)
      await open.close()
    })
  }

  dropCallbackReference(subscriptionId: number): void {
    const isOpen = this.#subscriptions.find(subscriptionId) !== undefined
    if (isOpen || !this.#subscriptions.forgetCallback(subscriptionId)) {
      throw new TransportError(`subscription ${subscriptionId} has no callback to remove`)
    }
  }

  async send(queue: string, message: unknown, options: SendOptions = {}): Promise<void> {
    await this.#middleware.run('send', [queue, message, options], (queue, message, options) =>
      this.#send({ kind: 'queue', name: queue, body: encodeMessage(message) }, options),
    )
  }

  async rawSend(
    queue: string,
    body: string | Uint8Array,
    options: SendOptions = {},
  ): Promise<void> {
    await this.#middleware.run('rawSend', [queue, body, options], (queue, body, options) =>
      this.#send({ kind: 'queue', name: queue, body }, options),
    )
  }

  async broadcast(topic: string, message: unknown, options: BroadcastOptions = {}): Promise<void> {
    await this.#middleware.run('broadcast', [topic, message, options], (topic, message, options) =>
      this.#send({ kind: 'topic', name: topic, body: encodeMessage(message) }, options),
    )
  }

  async rawBroadcast(
    topic: string,
    body: string | Uint8Array,
    options: BroadcastOptions = {},
  ): Promise<void> {
    await this.#middleware.run('rawBroadcast', [topic, body, options], (topic, body, options) =>
      this.#send({ kind: 'topic', name: topic, body }, options),
    )
  }

  /** A front end's report of its service, to the topic `transient.status` for 15 seconds. */
  async broadcastStatus(status: unknown): Promise<void> {
    const given = isDict(status) ? status : {}
    const missing = ['host', 'status', 'workflows'].filter((field) => !hasKey(given, field))
    if (missing.length > 0) {
      throw new TransportError(
        `Missing required field(s) for status broadcast: ${missing.join(', ')}`,
      )
    }
    await this.#send(
      { kind: 'topic', name: 'transient.status', body: encodeMessage(status) },
      { expiration: 15 },
    )
  }

  checkBroadcast(topic: string, { delay = 0 }: BroadcastOptions): void {
    if (delay === 0) return
    throw new TransportError(
      `a broadcast to "${topic}" cannot be delayed by ${delay} s; only messages to queues can wait`,
    )
  }

  async ack(header: TransportHeader | number, options: SettleOptions = {}): Promise<void> {
    await this.#middleware.run('ack', [header, options], () =>
      settle(header, { ...options, how: 'ack', verb: 'acknowledge' }, this.#held),
    )
  }

  async nack(header: TransportHeader | number, options: NackOptions = {}): Promise<void> {
    const how = options.requeue === false ? 'reject' : 'requeue'
    await this.#middleware.run('nack', [header, options], () =>
      settle(header, { ...options, how, verb: 'reject' }, this.#held),
    )
  }

  async transactionBegin({
    subscriptionId,
  }: {
    subscriptionId?: number | undefined
  } = {}): Promise<number> {
    return await this.#middleware.run('transactionBegin', [subscriptionId], async () => {
      const entry =
        subscriptionId === undefined
          ? null
          : this.#subscriptions.entry(subscriptionId, 'begin a transaction on')
      return this.#transactions.begin(entry?.plan ?? null)
    })
  }

  async transactionCommit(id: number): Promise<void> {
    await this.#middleware.run('transactionCommit', [id], async () => {
      const transaction = this.#transactions.take(id, 'commit')
      const { subscriptionId } = transaction
      const entry =
        subscriptionId === null ? null : this.#subscriptions.entry(subscriptionId, 'commit to')
      await this.connect()
      await this.commit(transaction, entry?.open)
    })
  }

  async transactionAbort(id: number): Promise<void> {
    await this.#middleware.run('transactionAbort', [id], async () => {
      this.#transactions.take(id, 'abort')
    })
  }

  async giveBack(header: TransportHeader): Promise<void> {
    await this.forgetTransactions(header)
    const { subscription: id, 'message-id': messageId } = header
    const entry = this.#subscriptions.find(id)
    if (entry === undefined || messageId === undefined) return
    const { acknowledgement = false } = entry.plan.options
    if (acknowledgement && entry.open.isHeld(messageId)) await this.nack(header)
  }

  async forgetTransactions({ subscription: id }: TransportHeader): Promise<void> {
    const entry = this.#subscriptions.find(id)
    if ((entry?.plan.options.prefetchCount ?? 1) !== 1) return
    this.#transactions.forgetThoseOf(id)
  }

  get subscribedQueues(): readonly string[] {
    return this.#subscriptions.queues
  }

  get #held(): { subscriptions: Subscriptions; transactions: OpenTransactions } {
    return { subscriptions: this.#subscriptions, transactions: this.#transactions }
  }

  async #subscribe(
    kind: SubscriptionPlan['kind'],
    name: string | null,
    taker: { callback: MessageCallback; options: SubscribeOptions },
  ): Promise<{ id: number; queue: string }> {
    await this.connect()
    return await this.#subscriptions.add({ kind, name }, taker, (plan) => this.open(plan))
  }

  async #send(
    target: { kind: 'queue' | 'topic'; name: string; body: string | Uint8Array },
    options: SendOptions,
  ): Promise<void> {
    if (target.kind === 'topic') this.checkBroadcast(target.name, options)
    const parcel = parcelOf(target, options)
    if (options.transaction !== undefined) {
      this.#transactions.add(options.transaction, parcel)
      return
    }
    await this.connect()
    await this.publish(parcel)
  }
}

/** The name that a temporary queue has by its hint. */
export function temporaryName(hint: string | null, id: string): string {
  const name = hint ?? hostname()
  return `${name.startsWith('transient.') ? '' : 'transient.'}${name}.${id}`
}
