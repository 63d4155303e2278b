import { type Deferred, deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { StreamError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Sink } from '../parts/publisher.ts'
import { BoundedQueue } from './bounded-queue.ts'
import type { Result } from './lane.ts'
import type { BlockSettings } from './settings.ts'

interface OutletParts {
  readonly name: string
  readonly block: string
  readonly sink: Sink
  readonly settings: BlockSettings
  readonly log: Logger
  /** Aborted when the block has to end at once. */
  readonly signal: AbortSignal
  readonly onPublished: () => void
  readonly onDrop: (outlet: Outlet) => void
  /** A result was refused and `onError` says stop. */
  readonly onFatal: (error: Error) => void
}

/** One publisher of a running block, with a queue and a pace of its own. */
export class Outlet {
  readonly name: string
  readonly #parts: OutletParts
  readonly #queue: BoundedQueue<Result>
  readonly #most: number
  readonly #underWay = new Set<Result>()
  #idle: Deferred<void> | undefined
  #isAbandoned = false
  /** A result that is tried again keeps those behind it back, for the order. */
  #isRetrying = false
  #isPumping = false

  constructor(parts: OutletParts) {
    this.name = parts.name
    this.#parts = parts
    this.#most = parts.sink.inFlight ?? 1
    this.#queue = new BoundedQueue(parts.settings.outlet, (result) => {
      parts.onDrop(this)
      result.entry?.close()
    })
  }

  /** Results that wait or are under way. */
  get waiting(): number {
    return this.#queue.size + this.#underWay.size
  }

  /** Takes a result; undefined where there was room, else resolves when there was. */
  offer(result: Result): Promise<boolean> | undefined {
    result.entry?.open()
    if (this.#isAbandoned) {
      result.entry?.spoil()
      return undefined
    }
    if (this.#isFree) {
      this.#sendAtOnce(result)
      return undefined
    }
    const waiting = this.#queue.put(result)
    this.#pump()
    if (waiting === undefined) return undefined
    return waiting.then((isTaken) => {
      if (isTaken) this.#pump()
      else result.entry?.spoil()
      return isTaken
    })
  }

  /** Resolves once nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    if (this.waiting === 0) return
    this.#idle ??= deferred()
    await this.#idle.promise
  }

  /** Sends what waits, then closes the publisher. */
  async close(): Promise<void> {
    await this.drained()
    this.#queue.close()
    await this.#parts.sink.close?.()
  }

  /** Gives up results that are not sent yet: their messages go back to their source. */
  abandon(): void {
    this.#isAbandoned = true
    this.#queue.close()
    for (let result = this.#queue.take(); result !== undefined; result = this.#queue.take()) {
      result.entry?.spoil()
    }
    for (const result of this.#underWay) result.entry?.spoil()
    this.#underWay.clear()
    this.#idle?.resolve()
  }

  /** Nothing waits, and one more may be under way. */
  get #isFree(): boolean {
    return (
      this.#queue.size === 0 &&
      this.#underWay.size < this.#most &&
      !this.#isRetrying &&
      !this.#isPumping &&
      !this.#queue.isClosed
    )
  }

  /** What the publisher itself offers meanwhile waits until it has returned. */
  #sendAtOnce(result: Result): void {
    this.#isPumping = true
    this.#send(result)
    this.#isPumping = false
    if (this.#queue.size > 0) this.#pump()
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (!this.#isRetrying && this.#underWay.size < this.#most) {
      const result = this.#queue.take()
      if (result === undefined) break
      this.#send(result)
    }
    this.#isPumping = false
    if (this.waiting === 0) this.#idle?.resolve()
  }

  #send(result: Result): void {
    let sent: unknown
    try {
      sent = this.#parts.sink.publish(result.value, result)
    } catch (error) {
      this.#onRefused(result, error)
      return
    }
    if (!isPromise(sent)) {
      this.#accepted(result)
      return
    }
    this.#underWay.add(result)
    sent.then(
      () => this.#onSent(result),
      (error: unknown) => this.#onRefused(result, error),
    )
  }

  #onSent(result: Result): void {
    if (!this.#underWay.delete(result)) return
    this.#accepted(result)
    this.#pump()
  }

  #accepted(result: Result): void {
    this.#parts.onPublished()
    result.entry?.close()
  }

  #onRefused(result: Result, error: unknown): void {
    if (this.#isAbandoned) return
    this.#underWay.add(result)
    if (this.#parts.settings.onError.times === 0) {
      this.#giveUp(result, error)
      return
    }
    this.#isRetrying = true
    void this.#tryAgain(result, error)
  }

  async #tryAgain(result: Result, first: unknown): Promise<void> {
    const { settings, sink, signal } = this.#parts
    const { times, delayMs } = settings.onError
    let error = first
    for (let attempt = 1; attempt <= times; attempt += 1) {
      await sleep(delayMs, signal).catch(() => undefined)
      if (signal.aborted) break
      try {
        await sink.publish(result.value, result)
        this.#isRetrying = false
        this.#onSent(result)
        return
      } catch (cause) {
        error = cause
      }
    }
    this.#isRetrying = false
    this.#giveUp(result, error)
  }

  #giveUp(result: Result, error: unknown): void {
    if (!this.#underWay.delete(result)) return
    const { block, settings, onFatal } = this.#parts
    const message =
      result.entry === undefined ? 'a result' : `a result of message ${result.entry.number}`
    const failure = new StreamError(
      'STREAM_PUBLISH_FAILED',
      `block "${block}": publisher ${this.name} refused ${message}: ${textOfError(error)}`,
      { cause: error },
    )
    if (settings.onError.afterwards === 'stop') {
      onFatal(failure)
      result.entry?.spoil()
    } else if (result.entry === undefined) {
      this.#parts.log.error({ err: failure }, 'result cannot be published, continuing')
    } else result.entry.close(failure)
    this.#pump()
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}
