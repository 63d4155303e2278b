import { randomUUID } from 'node:crypto'
import { TransportError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { temporaryName } from './base-transport.ts'
import { encodeMessage } from './mangle.ts'
import type {
  BroadcastOptions,
  MessageCallback,
  NackOptions,
  SendOptions,
  SettleOptions,
  SubscribeOptions,
  Transport,
  TransportHeader,
} from './transport.ts'

/**
 * Sends nothing: every call is logged, values that have no JSON form fail as they would elsewhere. For dry runs and
 * tests (Zocalo: OfflineTransport).
 */
export class OfflineTransport implements Transport {
  readonly #log: Logger | undefined
  #isConnected = false
  #subscriptions = 0
  #transactions = 0
  readonly #open = new Set<number>()
  readonly #running = new Set<number>()

  constructor(options: { readonly log?: Logger } = {}) {
    this.#log = options.log
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  get isReconnectable(): boolean {
    return this.#open.size === 0 && this.#running.size === 0
  }

  async connect(): Promise<void> {
    this.#say('connecting')
    this.#isConnected = true
  }

  async disconnect(): Promise<void> {
    this.#isConnected = false
    this.#open.clear()
    this.#running.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  async subscribe(
    queue: string,
    _callback: MessageCallback,
    options?: SubscribeOptions,
  ): Promise<number> {
    return this.#subscribed('subscribing to messages', { queue, ...options })
  }

  async subscribeBroadcast(
    topic: string,
    _callback: MessageCallback,
    options?: SubscribeOptions,
  ): Promise<number> {
    return this.#subscribed('subscribing to broadcasts', { topic, ...options })
  }

  async subscribeTemporary(
    hint: string | null,
    _callback: MessageCallback,
    options?: SubscribeOptions,
  ): Promise<{ subscriptionId: number; queue: string }> {
    const queue = temporaryName(hint, randomUUID())
    const subscriptionId = this.#subscribed('subscribing to a temporary queue', {
      queue,
      ...options,
    })
    return { subscriptionId, queue }
  }

  async unsubscribe(subscriptionId: number): Promise<void> {
    if (!this.#open.delete(subscriptionId)) {
      throw new TransportError(`there is no subscription ${subscriptionId} to end`)
    }
    this.#say('unsubscribing', { subscriptionId })
  }

  async send(queue: string, message: unknown, options?: SendOptions): Promise<void> {
    this.#say('sending to a queue', { queue, body: encodeMessage(message), ...options })
  }

  async rawSend(queue: string, body: string | Uint8Array, options?: SendOptions): Promise<void> {
    this.#say('sending to a queue', { queue, body, ...options })
  }

  async broadcast(topic: string, message: unknown, options?: BroadcastOptions): Promise<void> {
    this.#say('broadcasting', { topic, body: encodeMessage(message), ...options })
  }

  async rawBroadcast(
    topic: string,
    body: string | Uint8Array,
    options?: BroadcastOptions,
  ): Promise<void> {
    this.#say('broadcasting', { topic, body, ...options })
  }

  async ack(header: TransportHeader | number, options?: SettleOptions): Promise<void> {
    this.#say('acknowledging', { header, ...options })
  }

  async nack(header: TransportHeader | number, options?: NackOptions): Promise<void> {
    this.#say('giving back', { header, ...options })
  }

  async transactionBegin(options?: {
    readonly subscriptionId?: number | undefined
  }): Promise<number> {
    this.#transactions += 1
    this.#running.add(this.#transactions)
    this.#say('beginning a transaction', { transaction: this.#transactions, ...options })
    return this.#transactions
  }

  async transactionCommit(transaction: number): Promise<void> {
    this.#ended(transaction, 'committing a transaction')
  }

  async transactionAbort(transaction: number): Promise<void> {
    this.#ended(transaction, 'aborting a transaction')
  }

  #subscribed(sentence: string, fields: object): number {
    this.#subscriptions += 1
    this.#open.add(this.#subscriptions)
    this.#say(sentence, { subscriptionId: this.#subscriptions, ...fields })
    return this.#subscriptions
  }

  #ended(transaction: number, sentence: string): void {
    if (!this.#running.delete(transaction)) {
      throw new TransportError(`there is no transaction ${transaction} under way`)
    }
    this.#say(sentence, { transaction })
  }

  #say(sentence: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#log?.info(`Offline Transport: ${sentence}`)
    this.#log?.debug(fields, 'Offline Transport: details')
  }
}
