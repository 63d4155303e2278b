import type { ChannelModel } from 'amqplib'
import { type Backoff, backoffDelayMs } from '../../../async/backoff.ts'
import { Semaphore } from '../../../async/semaphore.ts'
import { sleep } from '../../../async/sleep.ts'
import { BrokerError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { ConsumeOptions, ConsumerProblem, Delivery, Subscription } from '../../broker.ts'
import { queueMissing } from '../../broker-errors.ts'
import { ProblemReport } from '../../problem-report.ts'
import { isNotFound, serverText } from '../connecting/server-errors.ts'
import { ConsumerChannel, type Prefetch } from './consumer-channel.ts'

const nextTurn = setImmediate

/** A queue that cannot be consumed is tried again; it must be found again within seconds of its return. */
const AGAIN: Backoff = { initialMs: 200, factor: 2, maxMs: 3000, jitter: 0.5 }

interface ConsumerParts {
  readonly queueName: string
  readonly options: ConsumeOptions
  readonly onDelivery: (delivery: Delivery) => void
  readonly safeUrl: string
  readonly log: Logger
  readonly isAlive: (model: ChannelModel) => boolean
  /** Declares the queue again, with its bindings, where it was declared here. */
  readonly declareQueue: (model: ChannelModel) => Promise<void>
  readonly onClosed: (consumer: AmqpConsumer) => void
}

/** A consumer: one channel of its own, replaced whenever it ends, until it is closed. */
export class AmqpConsumer implements Subscription {
  readonly queue: string
  readonly #parts: ConsumerParts
  /** Changes (attach, pause, resume, close) happen one after the other. */
  readonly #changes = new Semaphore(1)
  #prefetch: Prefetch
  #channel: ConsumerChannel | undefined
  #isPaused: boolean = false
  #isAdjustPlanned: boolean = false
  #isClosed: boolean = false
  readonly #closing = new AbortController()
  readonly #report: ProblemReport
  /** The connection over which another channel is being tried. */
  #tryingOn: ChannelModel | undefined

  constructor(parts: ConsumerParts) {
    this.queue = parts.queueName
    this.#parts = parts
    this.#report = new ProblemReport(parts)
    this.#prefetch = { prefetch: parts.options.prefetch, held: 0 }
  }

  /** Why the queue is not consumed, though the connection is there. */
  get problem(): ConsumerProblem | undefined {
    return this.#report.problem
  }

  /** Starts consuming over this connection; rejects where the queue is not there. */
  attach(model: ChannelModel): Promise<void> {
    return this.#changes.run(() => this.#attach(model))
  }

  /** After a reconnect: as `attach`, but a queue that cannot be consumed is tried again, and ends nothing. */
  async restore(model: ChannelModel): Promise<void> {
    try {
      await this.attach(model)
      this.#report.noteEnd()
    } catch (cause) {
      if (!this.#parts.isAlive(model)) throw cause
      this.#note(cause)
      void this.#tryAgain(model)
    }
  }

  pause(): Promise<void> {
    // Before its turn: the change that is under way waits for an answer that comes behind all that was sent.
    this.#isPaused = true
    this.#channel?.takeNoMore()
    return this.#changes.run(async () => {
      this.#isPaused = true
      await this.#channel?.stop()
    })
  }

  resume(): Promise<void> {
    return this.#changes.run(async () => {
      if (!this.#isPaused || this.#isClosed) return
      this.#isPaused = false
      await this.#start()
    })
  }

  setPrefetch(prefetch: number, { held = 0 }: { readonly held?: number } = {}): Promise<void> {
    return this.#changes.run(async () => {
      const { prefetch: former, held: formerlyHeld } = this.#prefetch
      if (prefetch === former && held === formerlyHeld) return
      this.#prefetch = { prefetch, held }
      if (!this.#isPaused && !this.#isClosed) await this.#start()
    })
  }

  close(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isClosed) return
      this.#isClosed = true
      this.#report.forget()
      this.#closing.abort()
      await this.#channel?.close()
      this.#channel = undefined
      this.#parts.onClosed(this)
    })
  }

  async #attach(model: ChannelModel): Promise<void> {
    if (this.#isClosed || this.#channel !== undefined || !this.#parts.isAlive(model)) return
    const { options, onDelivery, log } = this.#parts
    const channel = await ConsumerChannel.open(model, this.#prefetch.prefetch, {
      queue: this.queue,
      consumerTag: options.consumerTag,
      consumerArguments: options.arguments,
      onDelivery,
      log,
      onCreditDue: () => this.#adjustLater(),
      onEnd: (ended, refusal) => this.#onChannelEnd(ended, refusal),
    })
    this.#channel = channel
    try {
      if (!this.#isPaused) await channel.start(this.#prefetch)
    } catch (cause) {
      if (this.#channel === channel) this.#channel = undefined
      throw cause
    }
  }

  /** Once for all that are settled or put back later in one turn of the event loop. */
  #adjustLater(): void {
    if (this.#isAdjustPlanned) return
    this.#isAdjustPlanned = true
    nextTurn(() => {
      this.#isAdjustPlanned = false
      const adjusted = this.#changes.run(async () => {
        if (!this.#isPaused && !this.#isClosed && this.#channel?.isCreditDue) await this.#start()
      })
      adjusted.catch((cause: unknown) => {
        this.#parts.log.debug({ queue: this.queue, err: cause }, 'prefetch not changed')
      })
    })
  }

  /** A channel that ends meanwhile is replaced by one that starts as it should. */
  async #start(): Promise<void> {
    const channel = this.#channel
    try {
      await channel?.start(this.#prefetch)
    } catch (cause) {
      if (this.#channel === channel) throw cause
    }
  }

  #onChannelEnd(ended: ConsumerChannel, refusal: Error | undefined): void {
    if (this.#channel === ended) this.#channel = undefined
    // By then it is known whether the whole connection went; if so, the reconnect attaches.
    nextTurn(() => {
      if (this.#isClosed || this.#channel !== undefined) return
      if (!this.#parts.isAlive(ended.model)) return
      const reason = refusal === undefined ? 'the queue is gone' : serverText(refusal)
      this.#parts.log.debug({ queue: this.queue, reason }, 'consumer ended, starting another')
      void this.#tryAgain(ended.model)
    })
  }

  /** Never rejects. Ends with the connection, too: the next one restores the consumer. */
  async #tryAgain(model: ChannelModel): Promise<void> {
    if (this.#tryingOn === model) return
    this.#tryingOn = model
    for (let attempt = 1; !this.#isClosed && this.#parts.isAlive(model); attempt += 1) {
      if (await this.#isConsumedOver(model)) break
      await sleep(backoffDelayMs(AGAIN, attempt), this.#closing.signal).catch(() => undefined)
    }
    if (this.#tryingOn === model) this.#tryingOn = undefined
  }

  async #isConsumedOver(model: ChannelModel): Promise<boolean> {
    try {
      await this.#parts.declareQueue(model)
      await this.attach(model)
      if (this.#parts.isAlive(model)) this.#report.noteEnd()
      return true
    } catch (cause) {
      if (!this.#isClosed && this.#parts.isAlive(model)) this.#note(cause)
      return false
    }
  }

  #note(cause: unknown): void {
    if (this.#isClosed) return
    this.#report.note(consumeRefused(this.queue, this.#parts.safeUrl, cause))
  }
}

export function consumeRefused(queue: string, safeUrl: string, cause: unknown): BrokerError {
  if (cause instanceof BrokerError) return cause
  if (isNotFound(cause)) return queueMissing(queue, safeUrl, cause)
  return new BrokerError(
    'QUEUE_MISSING',
    `the queue "${queue}" on ${safeUrl} cannot be consumed: ${serverText(cause)}`,
    { cause },
  )
}
