import type { ChannelModel } from 'amqplib'
import { type Backoff, backoffDelayMs, retry } from '../../../async/backoff.ts'
import { type Deferred, deferred } from '../../../async/deferred.ts'
import { sleep } from '../../../async/sleep.ts'
import { withDeadline } from '../../../async/with-deadline.ts'
import { BrokerError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { brokerClosed } from '../../broker-errors.ts'
import { end } from './end.ts'
import { isHopeless, serverText } from './server-errors.ts'

const RECONNECT: Backoff = { initialMs: 100, factor: 2, maxMs: 5000, jitter: 0.5 }

/** A connection that lasted this long was a good one. */
const STEADY_MS = 5000

interface ConnectionParts {
  readonly safeUrl: string
  readonly log: Logger
  /** The signal ends a try. */
  readonly connect: (signal: AbortSignal) => Promise<ChannelModel>
  /** Brings back topology, consumers and publishes, before anyone else may use the connection. */
  readonly onOpen: (model: ChannelModel) => Promise<void>
  readonly onLost: (cause: Error) => void
  readonly onRestored: () => void
}

/** The one connection of a broker: sought when first needed, and again whenever it is lost. */
export class AmqpConnection {
  readonly #parts: ConnectionParts
  readonly #closing = new AbortController()
  #model: ChannelModel | undefined
  #opened: Deferred<ChannelModel> = waited()
  /** Set up, and open to everyone. */
  #isUsable: boolean = false
  #isSeeking: boolean = false
  /** The server has said that it takes no messages for now. */
  #isBlocked: boolean = false
  #seekUntil = 0
  #openedAt = 0
  /** Connections in a row that were lost soon. */
  #shortLives = 0
  #lastFailure: unknown
  /** It was open before: what follows is a reconnect, which is tried until it succeeds. */
  #wasOpen: boolean = false

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  /** Whether this is the connection in use (or about to be), and still up. */
  isAlive(model: ChannelModel): boolean {
    return model === this.#model
  }

  get isOpen(): boolean {
    return this.#isUsable
  }

  get lastFailure(): unknown {
    return this.#lastFailure
  }

  async ready(withinMs: number): Promise<ChannelModel> {
    if (this.#closing.signal.aborted) throw brokerClosed(this.#parts.safeUrl)
    if (this.#model !== undefined && this.#isUsable) return this.#model
    this.seek(withinMs)
    return await withDeadline(this.#opened.promise, withinMs, () => this.#unreachable(withinMs))
  }

  /** Looks for the server in the background, at least this long. */
  seek(withinMs: number): void {
    this.#seekUntil = Math.max(this.#seekUntil, performance.now() + withinMs)
    if (this.#isSeeking || this.#isUsable || this.#closing.signal.aborted) return
    this.#isSeeking = true
    void this.#seek()
  }

  /** Whether the server takes another connection, and has not said that it takes no messages from this one. Never rejects. */
  async isServerAtWork(): Promise<boolean> {
    if (this.#isBlocked) return false
    // It has just taken one, and is declaring what there was: which waits for its busy queues.
    if (!this.#isUsable) return this.#model !== undefined
    try {
      const model = await this.#parts.connect(this.#closing.signal)
      model.on('error', () => undefined)
      await end(model)
      return true
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(brokerClosed(this.#parts.safeUrl))
    const model = this.#model
    this.#model = undefined
    this.#isUsable = false
    this.#opened.reject(brokerClosed(this.#parts.safeUrl))
    if (model !== undefined) await end(model)
  }

  async #seek(): Promise<void> {
    try {
      if (this.#wasOpen) await sleep(this.#reconnectDelayMs(), this.#closing.signal)
      await retry(() => this.#open(), {
        backoff: RECONNECT,
        signal: this.#closing.signal,
        onFailure: (failure) => this.#onFailure(failure),
      })
    } catch (cause) {
      this.#giveUp(cause)
    } finally {
      this.#isSeeking = false
    }
    // Lost again while it was being opened: the close event came while we still counted as seeking.
    if (!this.#isUsable && this.#wasOpen) this.seek(0)
  }

  /** Not at once, as all the other clients were cut off too; and later each time it does not last. */
  #reconnectDelayMs(): number {
    const lasted = performance.now() - this.#openedAt > STEADY_MS
    this.#shortLives = lasted ? 0 : this.#shortLives + 1
    return backoffDelayMs(RECONNECT, this.#shortLives + 1)
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing
    const model = await this.#parts.connect(signal)
    if (signal.aborted) await end(model)
    signal.throwIfAborted()
    this.#watch(model)
    this.#model = model
    try {
      await this.#parts.onOpen(model)
    } catch (cause) {
      if (this.#model === model) this.#model = undefined
      await end(model)
      throw cause
    }
    if (this.#model !== model) throw new Error('the connection was lost while it was being set up')
    this.#isUsable = true
    this.#openedAt = performance.now()
    this.#lastFailure = undefined
    this.#opened.resolve(model)
    if (this.#wasOpen) this.#parts.onRestored()
    this.#wasOpen = true
  }

  #watch(model: ChannelModel): void {
    let error: Error | undefined
    model.on('error', (cause) => {
      error = cause
    })
    model.on('blocked', (reason) => {
      this.#isBlocked = true
      this.#lastFailure = new Error(`the broker blocks publishes: ${reason}`)
      this.#parts.log.warn({ broker: this.#parts.safeUrl, reason }, 'broker blocks publishes')
    })
    model.on('unblocked', () => {
      this.#isBlocked = false
      this.#lastFailure = undefined
    })
    model.on('close', (cause) => {
      if (this.#model !== model) return
      this.#onClose(error ?? cause ?? new Error('the connection was closed'))
    })
  }

  #onClose(cause: Error): void {
    this.#model = undefined
    this.#isBlocked = false
    this.#lastFailure = cause
    if (!this.#isUsable) return
    this.#isUsable = false
    this.#opened = waited()
    this.#parts.log.warn(
      { broker: this.#parts.safeUrl, err: cause },
      'connection lost, reconnecting',
    )
    this.#parts.onLost(cause)
    this.seek(0)
  }

  #onFailure(failure: { cause: unknown; attempt: number; delayMs: number }): void {
    this.#closing.signal.throwIfAborted()
    this.#lastFailure = failure.cause
    if (!this.#wasOpen) {
      if (isHopeless(failure.cause) || performance.now() > this.#seekUntil) throw failure.cause
    }
    const { attempt, delayMs } = failure
    const reason = serverText(failure.cause)
    this.#parts.log.warn(
      { broker: this.#parts.safeUrl, attempt, delayMs, reason },
      'broker unreachable, trying again',
    )
  }

  #giveUp(cause: unknown): void {
    const waiters = this.#opened
    this.#opened = waited()
    waiters.reject(
      this.#closing.signal.aborted ? brokerClosed(this.#parts.safeUrl) : this.#refused(cause),
    )
  }

  #refused(cause: unknown): BrokerError {
    return new BrokerError(
      'BROKER_UNREACHABLE',
      `cannot connect to ${this.#parts.safeUrl}: ${serverText(cause)}`,
      { cause },
    )
  }

  #unreachable(withinMs: number): BrokerError {
    const reason = this.#lastFailure === undefined ? 'no answer' : serverText(this.#lastFailure)
    return new BrokerError(
      'BROKER_UNREACHABLE',
      `no connection to ${this.#parts.safeUrl} within ${Math.round(withinMs)} ms: ${reason}`,
      { cause: this.#lastFailure },
    )
  }
}

/** A rejection that is not awaited is no unhandled one. */
function waited(): Deferred<ChannelModel> {
  const later = deferred<ChannelModel>()
  later.promise.catch(() => undefined)
  return later
}
