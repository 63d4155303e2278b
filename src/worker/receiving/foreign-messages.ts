import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { Recent } from '../../async/recent.ts'
import { startTimer } from '../../async/timer.ts'
import type { Delivery } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'
import { identify } from '../../protocol/describe-message.ts'

/** Short: while it waits here, no other worker can have it. */
const PAUSES: Backoff = { initialMs: 200, factor: 2, maxMs: 5_000, jitter: 0.5 }
const MOST_REMEMBERED = 10_000
const LOOK_EVERY_MS = 1_000
/** RabbitMQ 4 drops a message of a quorum queue that was given back 20 times. */
const MOST_RETURNS = 10

interface ForeignMessagesOptions {
  readonly logger: Logger
  /** How many take from the queue, this worker among them. */
  readonly consumersOf: (queue: string) => Promise<number>
  /** So many are held more or less: each is to take no place from messages of this app behind it. */
  readonly onHeld: (queue: string) => void
  /** Nothing further is to be taken from this queue. */
  readonly onLeave: (queue: string) => void
}

/**
 * Messages for tasks of other workers on a shared queue of a plain Celery. They go back to the queue unchanged, after a
 * pause that lets others take them; never to a dead-letter queue, which would take them from a worker that can run them.
 */
export class ForeignMessages {
  readonly #options: ForeignMessagesOptions
  readonly #returns = new Recent<string, number>(MOST_REMEMBERED)
  readonly #named = new Set<string>()
  #hasOthers = false
  #lookedAt = Number.NEGATIVE_INFINITY
  readonly #held = new Map<Delivery, { clear(): void }>()

  constructor(options: ForeignMessagesOptions) {
    this.#options = options
  }

  /**
   * How many more than its prefetch the worker may take, so that it finds what is its own behind what is not. None where
   * others take from the queue as well: they come to it sooner.
   */
  get room(): number {
    return this.#hasOthers ? 0 : this.#held.size
  }

  /** Holds the message for a moment, then gives it back. */
  async giveBack(delivery: Delivery): Promise<void> {
    const { id, task } = identify(delivery.message)
    const { queue, attempt } = delivery
    this.#report(queue, task ?? 'unreadable')
    if (attempt > MOST_RETURNS) {
      this.#leave(delivery)
      return await delivery.requeue()
    }
    await this.#look(queue)
    const returns = (this.#returns.get(id ?? '') ?? 0) + 1
    this.#returns.set(id ?? '', returns)
    await new Promise<void>((resolve) => {
      const timer = startTimer(backoffDelayMs(PAUSES, returns), resolve)
      const clear = (): void => {
        timer.clear()
        resolve()
      }
      this.#held.set(delivery, { clear })
      this.#options.onHeld(queue)
    })
    this.#held.delete(delivery)
    this.#options.onHeld(queue)
    await delivery.requeue()
  }

  /** Gives back all that is held, now. */
  release(): void {
    for (const { clear } of this.#held.values()) clear()
  }

  async #look(queue: string): Promise<void> {
    const now = performance.now()
    if (now - this.#lookedAt < LOOK_EVERY_MS) return
    this.#lookedAt = now
    try {
      this.#hasOthers = (await this.#options.consumersOf(queue)) > 1
    } catch (error) {
      this.#options.logger.debug(
        { queue, err: error },
        'cannot ask which other workers consume a queue',
      )
    }
  }

  #leave({ queue, attempt }: Delivery): void {
    this.#options.logger.error(
      { queue, attempt },
      'stopped consuming a shared queue, as its broker drops messages that are requeued often; give the tasks of this app a queue of their own',
    )
    this.#options.onLeave(queue)
  }

  /** Once for each task. */
  #report(queue: string, task: string): void {
    if (this.#named.has(task) || this.#named.size >= MOST_REMEMBERED) return
    this.#named.add(task)
    this.#options.logger.warn(
      { queue, task },
      'a task of another worker was requeued on the shared queue; give the tasks of this app a queue of their own',
    )
  }
}
