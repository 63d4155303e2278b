import { type Deferred, deferred } from '../../async/deferred.ts'
import { sleep } from '../../async/sleep.ts'
import { StreamError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Sink } from '../parts/publisher.ts'
import { sizeOf } from '../parts/received.ts'
import { BoundedQueue, type Queued } from './bounded-queue.ts'
import type { Result } from './lane.ts'
import type { BlockSettings } from './settings.ts'

interface Job extends Result, Queued {}

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
  readonly #queue: BoundedQueue<Job>
  readonly #most: number
  readonly #underWay = new Set<Job>()
  #idle: Deferred<void> | undefined
  #isAbandoned = false
  /** A result that is tried again keeps those behind it back, for the order. */
  #isRetrying = false
  #isPumping = false

  constructor(parts: OutletParts) {
    this.name = parts.name
    this.#parts = parts
    this.#most = parts.sink.inFlight ?? 1
    this.#queue = new BoundedQueue(parts.settings.outlet, (job) => {
      parts.onDrop(this)
      job.entry?.close()
    })
  }

  /** Results that wait or are under way. */
  get waiting(): number {
    return this.#queue.size + this.#underWay.size
  }

  /** Takes a result; undefined where there was room, else resolves when there was. */
  offer(result: Result): Promise<boolean> | undefined {
    result.entry?.open()
    const { value, headers, key, entry } = result
    const job: Job = { value, headers, key, entry, size: entry?.size || sizeOf(value) }
    if (this.#isAbandoned) {
      job.entry?.spoil()
      return undefined
    }
    if (this.#isFree) {
      this.#sendAtOnce(job)
      return undefined
    }
    const waiting = this.#queue.put(job)
    this.#pump()
    if (waiting === undefined) return undefined
    return waiting.then((isTaken) => {
      if (isTaken) this.#pump()
      else job.entry?.spoil()
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

  /** Gives up what is not through: its messages go back to their source. */
  abandon(): void {
    this.#isAbandoned = true
    this.#queue.close()
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
      job.entry?.spoil()
    }
    for (const job of this.#underWay) job.entry?.spoil()
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
  #sendAtOnce(job: Job): void {
    this.#isPumping = true
    this.#send(job)
    this.#isPumping = false
    if (this.#queue.size > 0) this.#pump()
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (!this.#isRetrying && this.#underWay.size < this.#most) {
      const job = this.#queue.take()
      if (job === undefined) break
      this.#send(job)
    }
    this.#isPumping = false
    if (this.waiting === 0) this.#idle?.resolve()
  }

  #send(job: Job): void {
    let sent: unknown
    try {
      sent = this.#parts.sink.publish(job.value, job)
    } catch (error) {
      this.#onRefused(job, error)
      return
    }
    if (!isPromise(sent)) {
      this.#accepted(job)
      return
    }
    this.#underWay.add(job)
    sent.then(
      () => this.#onSent(job),
      (error: unknown) => this.#onRefused(job, error),
    )
  }

  #onSent(job: Job): void {
    if (!this.#underWay.delete(job)) return
    this.#accepted(job)
    this.#pump()
  }

  #accepted(job: Job): void {
    this.#parts.onPublished()
    job.entry?.close()
  }

  #onRefused(job: Job, error: unknown): void {
    if (this.#isAbandoned) return
    this.#underWay.add(job)
    if (this.#parts.settings.onError.times === 0) {
      this.#giveUp(job, error)
      return
    }
    this.#isRetrying = true
    void this.#tryAgain(job, error)
  }

  async #tryAgain(job: Job, first: unknown): Promise<void> {
    const { settings, sink, signal } = this.#parts
    const { times, delayMs } = settings.onError
    let error = first
    for (let attempt = 1; attempt <= times; attempt += 1) {
      await sleep(delayMs, signal).catch(() => undefined)
      if (signal.aborted) break
      try {
        await sink.publish(job.value, job)
        this.#isRetrying = false
        this.#onSent(job)
        return
      } catch (cause) {
        error = cause
      }
    }
    this.#isRetrying = false
    this.#giveUp(job, error)
  }

  #giveUp(job: Job, error: unknown): void {
    if (!this.#underWay.delete(job)) return
    const { block, settings, onFatal } = this.#parts
    const message = job.entry === undefined ? 'a result' : `a result of message ${job.entry.number}`
    const failure = new StreamError(
      'STREAM_PUBLISH_FAILED',
      `block "${block}": publisher ${this.name} refused ${message}: ${textOfError(error)}`,
      { cause: error },
    )
    if (settings.onError.afterwards === 'stop') {
      onFatal(failure)
      job.entry?.spoil()
    } else if (job.entry === undefined) {
      this.#parts.log.error({ err: failure }, 'result cannot be published, continuing')
    } else job.entry.close(failure)
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
