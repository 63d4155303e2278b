import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import type { TaskRequest } from '../protocol/task-request.ts'

const PAUSES: Backoff = { initialMs: 1_500, factor: 2, maxMs: 60_000, jitter: 0.3 }
const MOST_REMEMBERED = 10_000

/**
 * How long a message waits before it goes back to its queue: longer each time. Brokers tell little of how often they have
 * delivered a message (RabbitMQ's classic queues only that they did), so each worker counts what it gives back.
 */
export class RequeuePauses {
  readonly #attempts = new Map<string, number>()

  nextMs({ id, retries }: Pick<TaskRequest, 'id' | 'retries'>): number {
    const key = `${retries} ${id}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    // At the end of the map again: those that came least recently are forgotten first.
    this.#attempts.delete(key)
    this.#attempts.set(key, attempt)
    const [oldest] = this.#attempts.keys()
    if (this.#attempts.size > MOST_REMEMBERED && oldest !== undefined) this.#attempts.delete(oldest)
    return backoffDelayMs(PAUSES, attempt)
  }
}
