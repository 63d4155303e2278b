import { setImmediate as nextTurn } from 'node:timers/promises'
import { ConfigurationError } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { Received } from './received.ts'

/** Where a listener puts its messages. */
export interface Inlet {
  readonly block: string
  readonly log: Logger
  /** Aborted when the block takes nothing more. */
  readonly signal: AbortSignal
  /** The most messages that the block holds: no source needs to have more under way. */
  readonly limit: number
  /** Undefined where there was room; else resolves when there was. A source that can wait waits for it. */
  put(message: unknown): Promise<void> | undefined
  /** Messages that are sent from now on will be heard. */
  ready(): void
  /** Called when the listener has ended and the last of its messages is settled: closes what settling needs. */
  defer(close: () => unknown): void
}

/** What a listener's `listen` receives. */
export interface ListenContext {
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Takes messages from somewhere. A class with `listen`; any (async) iterable serves as well. */
export abstract class Listener<T = unknown> implements AsyncIterable<T | Received<T>> {
  /** Shown in errors, logs and metrics. */
  get name(): string {
    return this.constructor.name
  }

  /** The messages, until there are no more or the signal is aborted. */
  listen(_context: ListenContext): AsyncIterable<T | Received<T>> {
    if (this[Symbol.asyncIterator] !== Listener.prototype[Symbol.asyncIterator]) return this
    throw new ConfigurationError(
      `listener ${this.name} has neither listen({ signal, log }) nor [Symbol.asyncIterator]()`,
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<T | Received<T>> {
    const { signal } = new AbortController()
    return this.listen({ signal, log: silentLogger })[Symbol.asyncIterator]()
  }

  /** Puts messages into a block until there are no more; links do it without an iterator between. */
  run(inlet: Inlet): Promise<void> {
    return pour(this.listen({ signal: inlet.signal, log: inlet.log }), inlet)
  }
}

/** A listener whose connection lives as long as a run. */
export class LinkListener extends Listener {
  readonly #name: string
  readonly #run: (inlet: Inlet) => Promise<void>

  constructor(name: string, run: (inlet: Inlet) => Promise<void>) {
    super()
    this.#name = name
    this.#run = run
  }

  override get name(): string {
    return this.#name
  }

  override run(inlet: Inlet): Promise<void> {
    return this.#run(inlet)
  }
}

/** What a block takes as a listener. */
export type ListenerLike = Listener | AsyncIterable<unknown> | Iterable<unknown>

export function checkListener(value: unknown, place: string): ListenerLike {
  const isListener =
    value instanceof Listener ||
    (typeof value === 'object' &&
      value !== null &&
      (Symbol.asyncIterator in value || Symbol.iterator in value))
  if (isListener) return value as ListenerLike
  throw new ConfigurationError(
    `${place} must be an instance of Listener, or an (async) iterable; it is ${String(value)}`,
  )
}

export function listenerName(listener: ListenerLike): string {
  if (listener instanceof Listener) return listener.name
  const name = listener.constructor?.name ?? ''
  return name === '' || name === 'Object' || name.endsWith('Function') ? 'listener' : name
}

export function runListener(listener: ListenerLike, inlet: Inlet): Promise<void> {
  return listener instanceof Listener ? listener.run(inlet) : pour(listener, inlet)
}

/** Without a breath now and then, an iterable that never waits would keep timers and signals from their turn. */
const BREATH_EVERY = 256

async function pour(
  messages: AsyncIterable<unknown> | Iterable<unknown>,
  inlet: Inlet,
): Promise<void> {
  const iterator = iteratorOf(messages)
  // Ends an iterator that waits for a message, where it can be ended then.
  const onAbort = (): void => void Promise.resolve(iterator.return?.()).catch(() => undefined)
  inlet.signal.addEventListener('abort', onAbort, { once: true })
  inlet.ready()
  try {
    for (let count = 1; !inlet.signal.aborted; count += 1) {
      const { done, value } = await iterator.next()
      if (done === true) return
      // Also where the stop came while it was waited for: it is out of its source.
      const waiting = inlet.put(value)
      if (waiting !== undefined) await waiting
      if (count % BREATH_EVERY === 0) await nextTurn()
    }
  } finally {
    inlet.signal.removeEventListener('abort', onAbort)
  }
}

function iteratorOf(
  messages: AsyncIterable<unknown> | Iterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in messages
    ? messages[Symbol.asyncIterator]()
    : messages[Symbol.iterator]()
}

export function asReceived(message: unknown): Received {
  return message instanceof Received ? message : new Received({ value: message })
}
