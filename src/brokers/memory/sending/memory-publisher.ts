import { withDeadline } from '../../../async/with-deadline.ts'
import { BrokerError } from '../../../errors.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import { takeBlindCopies } from '../../../protocol/routing/mirror-copies.ts'
import { textOfError } from '../../../text-of-error.ts'
import type { PublishOptions } from '../../broker.ts'
import {
  messageUnroutable,
  messageUnwritable,
  publishRefused,
  routeText,
} from '../../broker-errors.ts'
import type { MemorySpace } from '../server/memory-space.ts'
import { type StoredMessage, storeMessage } from '../server/stored-message.ts'

const DONE = Promise.resolve()
const DEADLINE_MS = 5000
/** Publishes in a row before the event loop gets a turn, so that a publisher that never waits does not starve the rest. */
const TURN = 256
const nextTurn = setImmediate

interface MemoryPublisherParts {
  readonly space: MemorySpace
  readonly safeUrl: string
  /** Resolves once the connection is back; undefined while there is one. */
  readonly away: () => Promise<void> | undefined
}

/** Puts messages into the queues that their route leads to; while the connection is away they wait, until their deadline. */
export class MemoryPublisher {
  readonly #parts: MemoryPublisherParts
  readonly #waiting = new Set<Promise<void>>()
  #published = 0

  constructor(parts: MemoryPublisherParts) {
    this.#parts = parts
  }

  publish(message: Message, route: Route, options: PublishOptions): Promise<void> {
    const away = this.#parts.away()
    if (away !== undefined) return this.#publishWhenBack(away, { message, route, options })
    try {
      this.#send(message, route, options)
    } catch (cause) {
      return Promise.reject(cause)
    }
    this.#published += 1
    return this.#published % TURN === 0 ? new Promise((resolve) => nextTurn(resolve)) : DONE
  }

  /** Waits for the publishes that wait for the connection. */
  async drained(): Promise<void> {
    await Promise.allSettled([...this.#waiting])
  }

  #send(given: Message, route: Route, { mandatory }: PublishOptions): void {
    const { space, safeUrl } = this.#parts
    const { message, queues: copied } = takeBlindCopies(given)
    const queues = space.routeAll(route, copied)
    if (queues === undefined) {
      throw publishRefused(route, safeUrl, { reason: 'there is no such exchange' })
    }
    const stored = this.#store(message, route)
    if (mandatory && queues.length === 0) throw messageUnroutable(route, safeUrl)
    for (const queue of queues) queue.enqueue(stored)
  }

  #store(message: Message, route: Route): StoredMessage {
    const { safeUrl } = this.#parts
    const { expiration } = message.properties
    if (expiration !== undefined && !/^\d+$/.test(expiration)) {
      const reason = `its expiration is "${expiration}", expected whole milliseconds`
      throw messageUnwritable(route, safeUrl, { reason })
    }
    try {
      return storeMessage(message, route)
    } catch (cause) {
      throw messageUnwritable(route, safeUrl, { reason: textOfError(cause), cause })
    }
  }

  async #publishWhenBack(
    away: Promise<void>,
    { message, route, options }: Publishing,
  ): Promise<void> {
    const ms = options.deadlineMs ?? DEADLINE_MS
    const late = (): Error =>
      new BrokerError(
        'BROKER_UNREACHABLE',
        `the message for ${routeText(route)} could not be published: ${this.#parts.safeUrl} was away for ${ms} ms`,
      )
    const sent = withDeadline(away, ms, late).then(() => this.#send(message, route, options))
    this.#waiting.add(sent)
    try {
      await sent
    } finally {
      this.#waiting.delete(sent)
    }
  }
}

interface Publishing {
  readonly message: Message
  readonly route: Route
  readonly options: PublishOptions
}
