import { createHash } from 'node:crypto'
import { asError } from '../../as-error.ts'
import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { Recent } from '../../async/recent.ts'
import { sleep } from '../../async/sleep.ts'
import { BrokerError, ToolboxError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { identify } from '../../protocol/describe-message.ts'
import type { Message } from '../../protocol/message.ts'
import { durableQueue } from '../../protocol/routing/topology.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Broker, ConsumerProblem, Delivery } from '../broker.ts'
import { type DeadLetterReason, deadLetterMessage, partsOf } from './dead-letter-message.ts'
import { deadLetterQueue } from './dead-letter-queue.ts'

interface DeadLettersParts {
  readonly broker: Broker
  readonly logger: Logger
  /** The code of a cause that has none. */
  readonly code: string
  /** Stops and starts the consumer of a queue, one of whose messages can neither be used nor moved. */
  readonly onHeld: (queue: string, isHeld: boolean) => void
  /** Called for each message that is in its dead-letter queue now. */
  readonly onKept?: OnKept | undefined
}

/** The task's id is null where the message does not name it. */
export type OnKept = (taskId: string | null, cause: unknown) => void

const AGAIN: Backoff = { initialMs: 1_000, factor: 2, maxMs: 30_000, jitter: 0.3 }
/** So many letters are remembered whose original came back. */
const MOST_REMEMBERED = 1_000

/**
 * Moves what cannot be used to `dlq.<queue>`: it leaves its own queue once the broker has confirmed the copy. Where that
 * fails the message is held and its queue is not consumed, until the copy is confirmed. The queue is declared when the first
 * message needs it; the work queues themselves take no dead-letter argument, because Python declares them without one.
 */
export class DeadLetters {
  readonly #parts: DeadLettersParts
  readonly #declared = new Set<string>()
  /** How many messages of a queue are held, and why the last one is. */
  readonly #held = new Map<string, { count: number; reason: string }>()
  /** Letters whose original the broker took back before it was acknowledged: it comes again. */
  readonly #moved = new Recent<string, true>(MOST_REMEMBERED)
  readonly #stopping = new AbortController()

  constructor(parts: DeadLettersParts) {
    this.#parts = parts
  }

  /** Queues that are not consumed, as one of their messages can neither be used nor moved. */
  get problems(): readonly ConsumerProblem[] {
    return [...this.#held].map(([queue, { reason }]) => ({ queue, reason }))
  }

  /** Resolves with true once the message is in its dead-letter queue, with false where the broker has it back. */
  async keep(delivery: Delivery, cause: unknown): Promise<boolean> {
    const key = keyOf(delivery.message)
    if (delivery.redelivered && this.#moved.delete(key)) {
      await delivery.ack()
      return true
    }
    const why = reasonOf(cause, this.#parts.code)
    if (!(await this.#moveInTheEnd(delivery, deadLetterMessage(delivery, why)))) return false
    if (delivery.isLost) this.#moved.set(key, true)
    await delivery.ack()
    const { id, task } = identify(delivery.message)
    const keptIn = deadLetterQueue(delivery.queue)
    this.#parts.logger.error(
      { taskId: id, task, queue: delivery.queue, ...why, keptIn },
      'kept a message that cannot be run',
    )
    this.#parts.onKept?.(id, cause)
    return true
  }

  /** What is held goes back to its queue. */
  stop(): void {
    this.#stopping.abort()
  }

  async #moveInTheEnd(delivery: Delivery, letter: Message): Promise<boolean> {
    let isHeld = false
    try {
      for (let attempt = 1; ; attempt += 1) {
        const failure = await this.#failureToSend(deadLetterQueue(delivery.queue), letter)
        if (failure === undefined) return true
        if (!isHeld) this.#hold(delivery, failure)
        isHeld = true
        await sleep(backoffDelayMs(AGAIN, attempt), this.#stopping.signal).catch(() => undefined)
        // Taken back by the broker, it comes again.
        if (delivery.isLost) return false
        if (this.#stopping.signal.aborted) {
          await delivery.requeue()
          return false
        }
      }
    } finally {
      if (isHeld) this.#release(delivery.queue)
    }
  }

  async #failureToSend(queue: string, letter: Message): Promise<Error | undefined> {
    const { broker } = this.#parts
    try {
      if (!this.#declared.has(queue)) {
        await broker.declare({ exchanges: [], queues: [durableQueue(queue)], bindings: [] })
        this.#declared.add(queue)
      }
      await this.#send(letter, queue)
      return undefined
    } catch (error) {
      // It may have been deleted.
      this.#declared.delete(queue)
      return asError(error)
    }
  }

  /** What came as it is may be larger than what is sent in an envelope: then it is kept in parts. */
  async #send(letter: Message, queue: string): Promise<void> {
    const { broker } = this.#parts
    const route = { exchange: '', routingKey: queue }
    try {
      await broker.publish(letter, route, { mandatory: true })
    } catch (error) {
      const isTooLarge = letter.body.length > broker.features.largestMessageBytes
      if (!(isTooLarge && error instanceof BrokerError && error.code === 'PUBLISH_REFUSED')) {
        throw error
      }
      for (const part of partsOf(letter, broker.features.largestMessageBytes)) {
        await broker.publish(part, route, { mandatory: true })
      }
    }
  }

  #hold({ queue, message }: Delivery, failure: Error): void {
    const { logger, onHeld } = this.#parts
    const held = this.#held.get(queue)
    const reason = `one of its messages cannot be moved to "${deadLetterQueue(queue)}": ${failure.message}`
    this.#held.set(queue, { count: (held?.count ?? 0) + 1, reason })
    const { id, task } = identify(message)
    logger.error(
      { taskId: id, task, queue, err: failure },
      'cannot keep a message, its queue is not consumed until it is kept',
    )
    if (held === undefined) onHeld(queue, true)
  }

  #release(queue: string): void {
    const held = this.#held.get(queue)
    if (held === undefined) return
    held.count -= 1
    if (held.count > 0) return
    this.#held.delete(queue)
    if (!this.#stopping.signal.aborted) this.#parts.onHeld(queue, false)
  }
}

function reasonOf(cause: unknown, code: string): DeadLetterReason {
  return {
    code: cause instanceof ToolboxError ? cause.code : code,
    reason: textOfError(cause),
  }
}

function keyOf({ body, properties }: Message): string {
  const name = `${properties.correlationId ?? ''} ${properties.messageId ?? ''} `
  return createHash('sha1').update(name).update(body).digest('base64')
}
