import { type Deferred, deferred } from '../../async/deferred.ts'
import { startTimer } from '../../async/timer.ts'
import type { Logger } from '../../logger.ts'
import {
  asReceived,
  type Inlet,
  Listener,
  type ListenerLike,
  listenerName,
  runListener,
} from '../parts/listener.ts'
import type { Received } from '../parts/received.ts'
import type { Entry } from './entry.ts'

interface RunningListenerParts {
  readonly block: string
  readonly listener: ListenerLike
  readonly log: Logger
  readonly limit: number
  /** Puts a message into the queue, or gives it back where that is closed; undefined where there was room. */
  readonly admit: (received: Received, listener: RunningListener) => Promise<void> | undefined
}

/** How long a listener that does not end with its signal is waited for: it may have a connection to close. */
const LISTENER_MS = 5_000
/** An iterable knows nothing of the signal: it may be in the middle of waiting for a message. */
const ITERABLE_MS = 10

/** One listener of a running block. */
export class RunningListener implements Inlet {
  readonly name: string
  readonly block: string
  readonly log: Logger
  readonly limit: number
  /** The latest message, after which the next one comes. */
  last: Entry | undefined
  readonly #parts: RunningListenerParts
  readonly #stopping = new AbortController()
  readonly #isReady: Deferred<void> = deferred()
  readonly #isClosed: Deferred<void> = deferred()
  readonly #closers: (() => unknown)[] = []
  #unsettled = 0
  #wasReady = false
  #hasEnded = false
  #hasClosed = false

  constructor(parts: RunningListenerParts) {
    this.#parts = parts
    this.name = listenerName(parts.listener)
    this.block = parts.block
    this.log = parts.log
    this.limit = parts.limit
    this.#isReady.promise.catch(() => undefined) // whether it is awaited or not
  }

  get signal(): AbortSignal {
    return this.#stopping.signal
  }

  /** Resolves once the listener hears what is sent, or has ended; rejects where it failed before. */
  get whenReady(): Promise<void> {
    return this.#isReady.promise
  }

  ready(): void {
    this.#wasReady = true
    this.#isReady.resolve()
  }

  put(message: unknown): Promise<void> | undefined {
    const received = asReceived(message)
    // Taken, but too late; a source that cannot take it back has its last messages worked on.
    if (this.signal.aborted && received.settlement !== undefined) return this.#giveBack(received)
    this.#unsettled += 1
    return this.#parts.admit(received, this)
  }

  /** One of its messages was settled. */
  onSettled(): void {
    this.#unsettled -= 1
    if (this.#unsettled === 0 && this.#hasEnded) void this.close()
  }

  defer(close: () => unknown): void {
    // A listener that was not waited for has opened something after all.
    if (this.#hasClosed) void this.#call(close)
    else this.#closers.push(close)
  }

  /** Lets go of the connection; by itself once the listener has ended and its last message is settled. */
  async close(): Promise<void> {
    this.#hasClosed = true
    for (const close of this.#closers.splice(0)) await this.#call(close)
    this.#isClosed.resolve()
  }

  /** Resolves once it has let go of its connection. */
  get whenClosed(): Promise<void> {
    return this.#isClosed.promise
  }

  /** Resolves once the listener has ended; rejects with its error. */
  async run(): Promise<void> {
    try {
      await Promise.race([runListener(this.#parts.listener, this), this.#overdue()])
      this.#isReady.resolve()
    } catch (error) {
      // Stopped while it was connecting: that the connection did not come about is no failure then.
      if (this.signal.aborted && !this.#wasReady) return this.#isReady.resolve()
      this.#isReady.reject(error)
      throw error
    } finally {
      this.#hasEnded = true
      if (this.#unsettled === 0) await this.close()
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #call(close: () => unknown): Promise<void> {
    try {
      await close()
    } catch (error) {
      this.log.warn({ err: error, listener: this.name }, 'listener did not close cleanly')
    }
  }

  #overdue(): Promise<void> {
    const ms = this.#parts.listener instanceof Listener ? LISTENER_MS : ITERABLE_MS
    return new Promise((resolve) => {
      this.signal.addEventListener('abort', () => {
        startTimer(ms, resolve).unref()
      })
    })
  }

  #giveBack(received: Received): Promise<void> | undefined {
    const given = received.settlement?.giveBack()
    return given === undefined ? undefined : Promise.resolve(given)
  }
}
