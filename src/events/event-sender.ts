import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import { PassingSet } from '../async/passing.ts'
import { sleep } from '../async/sleep.ts'
import { startTimer, type Timer } from '../async/timer.ts'
import type { Broker } from '../brokers/broker.ts'
import type { Logger } from '../logger.ts'
import { groupOf } from '../protocol/events/encode-events.ts'
import { durableExchange } from '../protocol/routing/topology.ts'
import { BrokerWatch } from './broker-watch.ts'
import { type EventFields, stampedEvent } from './event-fields.ts'
import { type EventSettings, eventMessages } from './event-message.ts'
import { EventQueue } from './event-queue.ts'
import type { LamportClock } from './lamport-clock.ts'

export interface EventSenderParts {
  /** The sender: a worker's name, or a client's. */
  readonly hostname: string
  readonly broker: () => Promise<Broker>
  readonly settings: EventSettings
  readonly clock: LamportClock
  readonly logger: Logger
}

const MOST_WAITING = 10_000
const MOST_AT_ONCE = 240
/** Batches that the broker has not confirmed yet: with more, events wait, and travel together with those that come next. */
const MOST_UNCONFIRMED = 4
const CLOSE_DEADLINE_MS = 2_000
const AWAY_BACKOFF: Backoff = { initialMs: 500, factor: 2, maxMs: 10_000, jitter: 0.5 }

/**
 * Sends the events of tasks and workers to all receivers. The senders never wait and never fail: while the broker is away
 * events wait here, and past a limit the oldest are dropped. In the broker they would keep it from being closed.
 */
export class EventSender {
  readonly #parts: EventSenderParts
  readonly #queue = new EventQueue(MOST_WAITING)
  readonly #muted: Set<string>
  readonly #watch = new BrokerWatch(() => this.#sendAgain())
  #declared: Broker | undefined
  /** The turn of the event loop at whose end events are sent. */
  #turn: Promise<void> | undefined
  readonly #unconfirmed = new PassingSet<Promise<void>>()
  #nextTry: Timer | undefined
  #attempt = 0
  #isClosed: boolean = false

  constructor(
    parts: EventSenderParts,
    { muted = [] }: { readonly muted?: readonly string[] } = {},
  ) {
    this.#parts = parts
    this.#muted = new Set(muted)
  }

  /** Whether events of this group ("task", "worker") are sent. */
  isEnabled(group = 'task'): boolean {
    return !this.#muted.has(group)
  }

  /** Lets a group of events be sent; false where it was already. */
  enable(group = 'task'): boolean {
    return this.#muted.delete(group)
  }

  disable(group = 'task'): boolean {
    const isNew = !this.#muted.has(group)
    this.#muted.add(group)
    return isNew
  }

  /** `type` begins with its group: "task-started", "worker-online", "invoice-paid". */
  send(type: string, fields: EventFields = {}): void {
    if (this.#isClosed || this.#muted.has(groupOf(type))) return
    this.#queue.add(stampedEvent(type, fields, this.#parts))
    if (this.#nextTry === undefined) this.#sendSoon()
  }

  /** Past the events that wait: resolves once the broker has these, and rejects where it has not. */
  async deliver(
    events: readonly { readonly type: string; readonly fields: EventFields }[],
  ): Promise<void> {
    const sent = events.filter(({ type }) => !this.#muted.has(groupOf(type)))
    const stamped = sent.map(({ type, fields }) => stampedEvent(type, fields, this.#parts))
    const broker = await this.#ready()
    await broker.publishMany(eventMessages(stamped, broker, this.#parts))
  }

  /** Resolves once everything is sent, or it has been tried. */
  async flush(): Promise<void> {
    while (this.#turn !== undefined || this.#unconfirmed.size > 0) {
      await this.#turn
      await Promise.all(this.#unconfirmed)
    }
  }

  /** Sends what waits, for a moment at most, and not at all where the connection is lost. */
  async close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    const patience = new AbortController()
    const late = sleep(deadlineMs, patience.signal).catch(() => undefined)
    await Promise.race([this.flush(), this.#watch.lost, late])
    patience.abort()
    this.#isClosed = true
    this.#watch.close()
    this.#nextTry?.clear()
  }

  /**
   * The events of one turn of the event loop travel together. They do not wait until those before them are confirmed: a worker
   * that is killed has then written what it says of a task before it acknowledges the task.
   */
  #sendSoon(): void {
    this.#turn ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#turn = undefined
      this.#sendWaiting()
    })
  }

  #sendWaiting(): void {
    while (this.#mayWrite()) {
      const sending = this.#sendSome().then((isSent) => {
        this.#unconfirmed.delete(sending)
        if (isSent) this.#sendWaiting()
      })
      this.#unconfirmed.add(sending)
    }
  }

  #mayWrite(): boolean {
    const isAway = this.#nextTry !== undefined || this.#watch.isLost
    return !isAway && this.#queue.size > 0 && this.#unconfirmed.size < MOST_UNCONFIRMED
  }

  async #sendSome(): Promise<boolean> {
    const events = this.#queue.take(MOST_AT_ONCE)
    try {
      const broker = await this.#ready()
      this.#watch.watch(broker)
      await broker.publishMany(eventMessages(events, broker, this.#parts))
      this.#sayBack()
      return true
    } catch (error) {
      // The exchange may be gone as well.
      this.#declared = undefined
      this.#queue.putBack(events)
      this.#sayAway(error)
      this.#tryAgainLater()
      return false
    }
  }

  async #ready(): Promise<Broker> {
    const broker = await this.#parts.broker()
    if (this.#declared === broker || !broker.carriesEvents) return broker
    const exchange = durableExchange(this.#parts.settings.event_exchange, 'topic')
    await broker.declare({ exchanges: [exchange], queues: [], bindings: [] })
    this.#declared = broker
    return broker
  }

  #tryAgainLater(): void {
    if (this.#isClosed || this.#nextTry !== undefined) return
    this.#attempt += 1
    const delayMs = backoffDelayMs(AWAY_BACKOFF, this.#attempt)
    this.#nextTry = startTimer(delayMs, () => this.#sendAgain()).unref()
  }

  #sendAgain(): void {
    this.#nextTry?.clear()
    this.#nextTry = undefined
    if (this.#queue.size > 0) this.#sendSoon()
  }

  #sayAway(error: unknown): void {
    if (this.#attempt > 0) return
    this.#parts.logger.warn({ err: error }, 'events cannot be sent, buffering them')
  }

  #sayBack(): void {
    const dropped = this.#queue.takeDropped()
    if (this.#attempt === 0 && dropped === 0) return
    this.#attempt = 0
    this.#parts.logger.info({ dropped }, 'events are sent again')
  }
}
