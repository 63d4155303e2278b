import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { Recent } from '../../async/recent.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'

const PAUSES: Backoff = { initialMs: 1_500, factor: 2, maxMs: 60_000, jitter: 0.3 }
const MOST_REMEMBERED = 10_000

/**
 * How long a message waits before it goes back to its queue: longer each time. Brokers say little of how often they have
 * delivered a message (RabbitMQ's classic queues only that they did), so each worker counts what it gives back.
 */
export class RequeuePauses {
  readonly #attempts = new Recent<string, number>(MOST_REMEMBERED)

  nextMs({ id, retries }: Pick<TaskRequest, 'id' | 'retries'>): number {
    const key = `${retries} ${id}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    this.#attempts.set(key, attempt)
    return backoffDelayMs(PAUSES, attempt)
  }
}
