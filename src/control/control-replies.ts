import { randomUUID } from 'node:crypto'
import { startTimer } from '../async/timer.ts'
import type { LamportClock } from '../events/lamport-clock.ts'
import type { Logger } from '../logger.ts'
import { clockOf, readReply } from '../protocol/control/control.ts'
import { replyExchangeName, replyTopology } from '../protocol/control/control-topology.ts'
import type { Message, Route } from '../protocol/message.ts'
import type { ControlCarrier, ControlDelivery, ControlSubscription } from './control-carrier.ts'
import type { ControlSettings } from './control-settings.ts'

/** What one worker answered, by its name, as in Python: `{ 'w1@host': { ok: 'pong' } }`. */
export type WorkerReply = Readonly<Record<string, unknown>>

interface RepliesParts {
  readonly settings: ControlSettings
  readonly clock: LamportClock
  readonly logger: Logger
}

interface CollectOptions {
  readonly limit: number
  readonly timeoutMs: number
  readonly onReply?: ((reply: WorkerReply) => void) | undefined
}

/** One queue for the answers to all commands of this process, made when the first answer is wanted. */
export class ControlReplies {
  readonly route: Route
  readonly #id = randomUUID()
  readonly #parts: RepliesParts
  readonly #collectors = new Map<string, (reply: WorkerReply) => void>()
  #listening: Promise<ControlSubscription> | undefined

  constructor(parts: RepliesParts) {
    this.#parts = parts
    const exchange = replyExchangeName(parts.settings.control_exchange)
    this.route = { exchange, routingKey: this.#id }
  }

  /** Resolves once answers have somewhere to arrive. */
  async listen(carrier: ControlCarrier): Promise<void> {
    this.#listening ??= this.#listen(carrier)
    try {
      await this.#listening
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  /** The answers with this ticket: as many as are expected, or those that come in time. */
  collect(
    ticket: string,
    { limit, timeoutMs, onReply }: CollectOptions,
  ): { readonly replies: Promise<readonly WorkerReply[]>; readonly cancel: () => void } {
    const replies: WorkerReply[] = []
    let cancel = (): void => undefined
    const collected = new Promise<readonly WorkerReply[]>((resolve) => {
      const timer = startTimer(timeoutMs, () => cancel())
      cancel = () => {
        timer.clear()
        this.#collectors.delete(ticket)
        resolve(replies)
      }
      this.#collectors.set(ticket, (reply) => {
        replies.push(reply)
        onReply?.(reply)
        if (replies.length >= limit) cancel()
      })
    })
    return { replies: collected, cancel: () => cancel() }
  }

  async close(): Promise<void> {
    const subscription = await this.#listening?.catch(() => undefined)
    this.#listening = undefined
    await subscription?.close()
  }

  async #listen(carrier: ControlCarrier): Promise<ControlSubscription> {
    const topology = replyTopology(this.#id, this.#parts.settings)
    await carrier.declare(topology)
    const queue = `${this.#id}.${this.route.exchange}`
    return await carrier.consume(queue, { prefetch: 0 }, (delivery) => this.#receive(delivery))
  }

  #receive(delivery: ControlDelivery): void {
    const { logger, clock } = this.#parts
    delivery.ack().catch((error: unknown) => {
      logger.debug({ err: error }, 'an answer to remote control was not acknowledged')
    })
    clock.adjust(clockOf(delivery.message))
    this.#take(delivery.message).catch((error: unknown) => {
      logger.warn({ err: error }, 'an answer to remote control cannot be read')
    })
  }

  async #take(message: Message): Promise<void> {
    const { ticket, body } = await readReply(message, this.#parts.settings.accept_content)
    // Without a collector it came too late.
    this.#collectors.get(ticket ?? '')?.(body)
  }
}
