import type { Broker, Delivery, Subscription } from '../../brokers/broker.ts'
import { ResultError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Message } from '../../protocol/message.ts'
import { isReady } from '../../protocol/results/states.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import { textOfError } from '../../text-of-error.ts'
import { shownId } from '../failures.ts'
import type { ResultStore, WaitOptions } from '../result-store.ts'
import { StoreLife } from '../store-life.ts'
import { Waiters } from '../waiters.ts'
import { RpcInbox } from './inbox.ts'
import { type RpcSettings, readResultMessage, replyQueue, resultMessage } from './messages.ts'

export interface RpcStoreOptions {
  /** Closed, after the store, by the code that opened it. */
  readonly broker: () => Promise<Broker>
  /** The queue on which results come back: calls name it as their `reply_to`. */
  readonly replyTo: string
  readonly settings?: RpcSettings
  readonly logger?: Logger
  /** How long a save tries, while the broker is away. Default 30 s. */
  readonly saveDeadlineMs?: number
  /** Results kept for those who ask later. Default 10,000; the oldest go first. */
  readonly keptResults?: number
}

const SAVE_DEADLINE_MS = 30_000
const KEPT_RESULTS = 10_000

/**
 * Results are messages to the caller: to the queue that the call names as `reply_to`. No other process sees them,
 * and what arrives is kept in this process alone.
 */
export class RpcResultStore implements ResultStore {
  readonly kind = 'rpc'
  readonly features = { keeps: true, isShared: false }
  readonly #options: RpcStoreOptions
  readonly #settings: RpcSettings
  readonly #logger: Logger
  readonly #inbox: RpcInbox
  readonly #waiters = new Waiters()
  #listening: Promise<Subscription> | undefined
  readonly #life = new StoreLife('the RPC result store')

  constructor(options: RpcStoreOptions) {
    this.#options = options
    this.#settings = options.settings ?? {}
    this.#logger = options.logger ?? silentLogger
    this.#inbox = new RpcInbox(options.keptResults ?? KEPT_RESULTS)
  }

  /** A reply that comes before there is a queue for it is lost. */
  async beforePublish(): Promise<void> {
    this.#life.checkOpen()
    this.#listening ??= this.#listen()
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  /** Sends nothing where the caller asked for no reply. */
  async save(result: TaskResult): Promise<void> {
    this.#life.checkOpen()
    const { replyTo, taskId } = result
    if (!replyTo) return
    const sending = this.#send(resultMessage(result, this.#settings), { replyTo, taskId })
    await this.#life.track(sending)
  }

  /** What has arrived so far. */
  async get(taskId: string): Promise<TaskResult> {
    this.#life.checkOpen()
    return this.#inbox.get(taskId) ?? pendingResult(taskId)
  }

  async waitFor(taskId: string, options: WaitOptions = {}): Promise<TaskResult> {
    this.#life.checkOpen()
    options.signal?.throwIfAborted()
    const arrived = this.#inbox.get(taskId)
    if (arrived !== undefined && isReady(arrived.status)) return arrived
    const waiting = this.#waiters.wait(taskId, options)
    this.beforePublish().catch((error: unknown) => this.#waiters.reject(taskId, error))
    return await waiting
  }

  async forget(taskId: string): Promise<void> {
    this.#life.checkOpen()
    this.#inbox.delete(taskId)
  }

  async saveGroup(groupId: string): Promise<void> {
    throw cannotKeepGroups(groupId)
  }

  async restoreGroup(groupId: string): Promise<null> {
    throw cannotKeepGroups(groupId)
  }

  /** Finishes the saves under way, then rejects the waits that are left. */
  close(): Promise<void> {
    return this.#life.close(() => this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#waiters.rejectAll(this.#life.closedError())
    const subscription = await this.#listening?.catch(() => undefined)
    await subscription?.close()
  }

  async #listen(): Promise<Subscription> {
    const { replyTo } = this.#options
    const broker = await this.#options.broker()
    await broker.declare({
      exchanges: [],
      queues: [replyQueue(replyTo, this.#settings)],
      bindings: [],
    })
    return await broker.consume(replyTo, { prefetch: 0 }, (delivery) => this.#receive(delivery))
  }

  #receive(delivery: Delivery): void {
    delivery.ack().catch((error: unknown) => {
      this.#logger.debug({ err: error }, 'reply not acknowledged')
    })
    void this.#take(delivery.message)
  }

  /** Never rejects. */
  async #take(message: Message): Promise<void> {
    try {
      const result = await readResultMessage(message, this.#settings)
      this.#inbox.add(result)
      if (isReady(result.status)) this.#waiters.resolve(result)
    } catch (error) {
      const { correlationId } = message.properties
      const about = correlationId === undefined ? {} : { correlationId: shownId(correlationId) }
      this.#logger.warn({ ...about, err: error }, 'reply cannot be read')
      if (correlationId === undefined) return
      if (error instanceof ResultError) this.#inbox.addUnreadable(correlationId, error)
      this.#waiters.reject(correlationId, error)
    }
  }

  async #send(
    message: Message,
    { replyTo, taskId }: { readonly replyTo: string; readonly taskId: string },
  ): Promise<void> {
    try {
      const broker = await this.#options.broker()
      const deadlineMs = this.#options.saveDeadlineMs ?? SAVE_DEADLINE_MS
      await broker.publish(message, { exchange: '', routingKey: replyTo }, { deadlineMs })
    } catch (cause) {
      throw unsaved(taskId, cause)
    }
  }
}

function unsaved(taskId: string, cause: unknown): ResultError {
  const why = textOfError(cause)
  const message = `the result of task "${shownId(taskId)}" could not be sent: ${why}`
  return new ResultError('RESULT_UNSAVED', message, { cause })
}

function cannotKeepGroups(groupId: string): ResultError {
  return new ResultError(
    'RESULT_UNSUPPORTED',
    `rpc:// cannot keep group "${groupId}": its results are messages; use db+postgresql:// or redis://`,
  )
}
