import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { startTimer, type Timer } from '../../../async/timer.ts'
import { BrokerError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { ConsumeOptions, ConsumerProblem, Delivery, Subscription } from '../../broker.ts'
import { queueMissing } from '../../broker-errors.ts'
import { handOver } from '../../hand-over.ts'
import { ProblemReport } from '../../problem-report.ts'
import { failureOf, reasonOf } from '../connecting/server-errors.ts'
import { HeldDeliveries } from './held.ts'
import type { Found, Polls } from './polls.ts'
import { type DeliveryHolder, SqsDelivery } from './sqs-delivery.ts'

interface SqsConsumerParts {
  readonly queueName: string
  readonly options: ConsumeOptions
  readonly onDelivery: (delivery: Delivery) => void
  readonly log: Logger
  readonly safeUrl: string
  readonly polls: Polls
  readonly pollingMs: number
  readonly visibilitySeconds: number
  readonly holder: Pick<DeliveryHolder, 'receipts' | 'sendOn' | 'onReject'>
  /** Brings the queue back where it was declared here; rejects where it is gone. */
  readonly revive: () => Promise<unknown>
  readonly onClosed: (consumer: SqsConsumer) => void
}

const MOST_IN_POLL = 10
/** As many polls at a time as find full batches; one where nothing comes, so that idleness costs a call each 20 s. */
const MOST_POLLS = 8
/** A server that takes longer for a full batch is busy: more polls at a time would make it slower. */
const QUICK_MS = 1_000
/** So long a free place waits for others, so that one call fetches for several. */
const LINGER_MS = 20
/** The bodies of what was found could not be fetched: the next ones can hardly be. */
const LEFT_REST_MS = 1_000
/** Pauses after these grow to about a second. */
const MOST_EARLY = 3
const BACKOFF: Backoff = { initialMs: 200, factor: 2, maxMs: 20_000, jitter: 0.5 }

/** A consumer of one queue: long polls for as many messages as it may still hold. */
export class SqsConsumer implements Subscription, DeliveryHolder {
  readonly queue: string
  readonly visibilitySeconds: number
  readonly #parts: SqsConsumerParts
  readonly #held: HeldDeliveries
  readonly #polling = new Set<Promise<void>>()
  #prefetch: number
  /** Places that polls on their way may fill. */
  #reserved = 0
  #width = 1
  #failures = 0
  /** Polls in a row that found nothing before their wait was over. */
  #early = 0
  #isPaused: boolean = false
  #isClosed: boolean = false
  readonly #report: ProblemReport
  #rest: Timer | undefined
  #linger: Timer | undefined
  #hasLingered = false

  constructor(parts: SqsConsumerParts) {
    this.queue = parts.queueName
    this.visibilitySeconds = parts.visibilitySeconds
    this.#parts = parts
    this.#report = new ProblemReport(parts)
    this.#prefetch = parts.options.prefetch
    this.#held = new HeldDeliveries(parts.visibilitySeconds)
  }

  get receipts(): DeliveryHolder['receipts'] {
    return this.#parts.holder.receipts
  }

  get sendOn(): DeliveryHolder['sendOn'] {
    return this.#parts.holder.sendOn
  }

  get problem(): ConsumerProblem | undefined {
    return this.#report.problem
  }

  /** Polls that are on their way: one that is cut off may swallow a message. */
  get polling(): readonly Promise<void>[] {
    return [...this.#polling]
  }

  start(): void {
    this.#poll()
  }

  async pause(): Promise<void> {
    this.#isPaused = true
  }

  async resume(): Promise<void> {
    this.#isPaused = false
    this.#poll()
  }

  async setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch
    this.#poll()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#rest?.clear()
    this.#linger?.clear()
    this.#report.forget()
    await this.#held.giveBack()
    this.#parts.onClosed(this)
  }

  onEnd(delivery: SqsDelivery): void {
    if (this.#held.delete(delivery)) this.#poll()
  }

  onParked(delivery: SqsDelivery): void {
    this.#held.park(delivery)
    if (this.#held.delete(delivery)) this.#poll()
  }

  onReject(delivery: SqsDelivery): ReturnType<DeliveryHolder['onReject']> {
    return this.#parts.holder.onReject(delivery)
  }

  get #free(): number {
    if (this.#isClosed || this.#isPaused || this.#rest !== undefined) return 0
    if (this.#prefetch === 0) return MOST_IN_POLL
    return this.#prefetch - this.#held.size - this.#reserved
  }

  /** Starts as many polls as are of use now. */
  #poll(): void {
    while (this.#polling.size < this.#width && this.#free > 0) {
      if (!this.#isWorthPolling()) return
      const most = Math.min(MOST_IN_POLL, this.#free)
      this.#reserved += most
      const polling = this.#pollOnce(most).finally(() => {
        this.#polling.delete(polling)
        this.#reserved -= most
        this.#poll()
      })
      this.#polling.add(polling)
    }
  }

  /** A place or two among many that are taken wait a moment for more. */
  #isWorthPolling(): boolean {
    const wanted = Math.min(MOST_IN_POLL, Math.ceil(this.#prefetch / 2))
    if (this.#prefetch === 0 || this.#free >= wanted || this.#hasLingered) {
      this.#hasLingered = false
      this.#linger?.clear()
      this.#linger = undefined
      return true
    }
    this.#linger ??= startTimer(LINGER_MS, () => {
      this.#linger = undefined
      this.#hasLingered = true
      this.#poll()
    })
    return false
  }

  async #pollOnce(most: number): Promise<void> {
    try {
      const found = await this.#parts.polls.poll(most)
      const count = found.received.length
      this.#failures = 0
      this.#report.noteEnd()
      this.#adjustWidth(count, { asked: most, tookMs: found.tookMs })
      await this.#take(found)
      if (count === 0) this.#restAfterNothing(found)
      else this.#early = 0
    } catch (error) {
      await this.#failed(error)
    }
  }

  /** A poll that finds nothing ends after its wait; a server that answers sooner is not asked again and again. */
  #restAfterNothing({ left, tookMs, waitMs }: Found): void {
    if (left > 0) {
      this.#restFor(LEFT_REST_MS)
      return
    }
    this.#early = tookMs < waitMs / 2 ? this.#early + 1 : 0
    const early = this.#early === 0 ? 0 : backoffDelayMs(BACKOFF, Math.min(this.#early, MOST_EARLY))
    const ms = Math.max(this.#parts.pollingMs, early)
    if (ms > 0) this.#restFor(ms)
  }

  #adjustWidth(found: number, poll: { readonly asked: number; readonly tookMs: number }): void {
    if (found === 0) this.#width = 1
    else if (found < poll.asked) return
    else if (poll.tookMs < QUICK_MS) this.#width = Math.min(MOST_POLLS, this.#width * 2)
    else this.#width = Math.max(1, this.#width >> 1)
  }

  async #take({ received, at }: Found): Promise<void> {
    const deliveries = received.map((one) => new SqsDelivery(one, this, at))
    if (this.#isClosed || this.#isPaused) {
      await Promise.all(deliveries.map((delivery) => delivery.giveBack()))
      return
    }
    for (const delivery of deliveries) this.#held.add(delivery)
    for (const delivery of deliveries) this.#deliver(delivery)
  }

  #deliver(delivery: SqsDelivery): void {
    if (this.#isPaused && !this.#isClosed) {
      this.#held.delete(delivery)
      void delivery.giveBack()
      return
    }
    if (this.#isClosed) return
    const { onDelivery, log } = this.#parts
    handOver(delivery, onDelivery, { queue: this.queue, log })
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#isClosed) return
    this.#failures += 1
    this.#width = 1
    const failure = failureOf(error)
    if (failure === 'missing') await this.#revive(error)
    else if (failure === 'login' || failure === 'refused') {
      this.#report.note(
        new BrokerError(
          'BROKER_UNREACHABLE',
          `the queue "${this.queue}" on ${this.#parts.safeUrl} cannot be consumed: ${reasonOf(error)}`,
          { cause: error },
        ),
      )
    } else {
      const about = { queue: this.queue, err: error, failures: this.#failures }
      this.#parts.log.debug(about, 'a poll failed, trying again')
    }
    this.#restFor(backoffDelayMs(BACKOFF, Math.min(this.#failures, 10)))
  }

  async #revive(error: unknown): Promise<void> {
    try {
      await this.#parts.revive()
    } catch {
      // It is tried again; why is in the first error.
      this.#report.note(queueMissing(this.queue, this.#parts.safeUrl, error))
    }
  }

  /** Nothing comes after a closed consumer's last poll, and a timer would keep its process. */
  #restFor(ms: number): void {
    if (this.#isClosed) return
    this.#rest?.clear()
    this.#rest = startTimer(ms, () => {
      this.#rest = undefined
      this.#poll()
    })
  }
}
