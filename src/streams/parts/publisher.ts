import { ConfigurationError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { MessageHeaders } from './received.ts'

/** What goes with a message to a publisher. */
export interface PublishContext {
  readonly headers: MessageHeaders
  readonly key: string | undefined
}

/** Where the messages of one run go. Order is that of the calls, also where several are under way. */
export interface Sink {
  /** How many may be under way at a time. Default 1: the next one waits for the one before. */
  readonly inFlight?: number
  /** Resolves once the message is safe. While its server is away it waits; it rejects where the message is refused. */
  publish(message: unknown, context: PublishContext): unknown
  /** Sends what is under way, then lets go. */
  close?(): unknown
}

export interface OpenContext {
  readonly block: string
  readonly log: Logger
  /** Aborted when the block has to end at once. */
  readonly signal: AbortSignal
}

/** Sends results on. A class with `publish`; anything else with `publish` and `close` serves as well. */
export abstract class Publisher<T = unknown> implements Sink {
  /** Shown in errors, logs and metrics. */
  get name(): string {
    return this.constructor.name
  }

  readonly inFlight: number = 1

  /** Before the first message of a run; a link opens its connection here, one a run. */
  open(_context: OpenContext): Sink | Promise<Sink> {
    return this
  }

  abstract publish(message: T, context: PublishContext): unknown

  close(): unknown {
    return undefined
  }
}

/** A publisher whose connection lives as long as a run: `connect` makes it. */
export class LinkPublisher extends Publisher {
  readonly #name: string
  readonly #connect: (context: OpenContext) => Sink | Promise<Sink>

  constructor(name: string, connect: (context: OpenContext) => Sink | Promise<Sink>) {
    super()
    this.#name = name
    this.#connect = connect
  }

  override get name(): string {
    return this.#name
  }

  override open(context: OpenContext): Sink | Promise<Sink> {
    return this.#connect(context)
  }

  override publish(): never {
    throw new ConfigurationError(`publisher ${this.#name} is opened by a block: add it to one`)
  }
}

/** What a block takes as a publisher. */
export type PublisherLike = Publisher<never> | Sink

export function checkPublisher(value: unknown, place: string): PublisherLike {
  const isPublisher =
    typeof value === 'object' &&
    value !== null &&
    'publish' in value &&
    typeof value.publish === 'function'
  if (isPublisher) return value as PublisherLike
  throw new ConfigurationError(
    `${place} must be an instance of Publisher, or an object with publish(message) and close(); it is ${shown(value)}`,
  )
}

export function publisherName(publisher: PublisherLike): string {
  if (publisher instanceof Publisher) return publisher.name
  return publisher.constructor === Object ? 'publisher' : publisher.constructor.name
}

function shown(value: unknown): string {
  return value === null || typeof value !== 'object'
    ? String(value)
    : `a ${value.constructor?.name}`
}
