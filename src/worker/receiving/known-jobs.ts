import { Deque } from '../../async/deque.ts'
import { PassingMap } from '../../async/passing.ts'
import { Recent } from '../../async/recent.ts'
import type { Delivery } from '../../brokers/broker.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { Job } from '../job.ts'

/** An acknowledgement this old has reached the broker before its connection was lost. */
const IN_DOUBT_MS = 30_000
const MOST_REMEMBERED = 5_000

/**
 * Recognises a message that the broker delivers again (its connection was lost, or `consumer_timeout` has passed) although
 * this worker has it already: by id and retries, and only where the broker took the earlier delivery back. So a retry, a
 * replay and a chord body that was recovered, which are other messages, always run.
 */
export class KnownJobs {
  readonly #jobs = new PassingMap<string, Set<Job>>()
  /** Done, and their acknowledgement may not have reached the broker. */
  readonly #finished = new Recent<string, true>(MOST_REMEMBERED)
  readonly #acked = new Deque<{ readonly key: string; readonly at: number }>()

  add(job: Job): void {
    const key = keyOf(job.request)
    const jobs = this.#jobs.get(key)
    if (jobs === undefined) this.#jobs.set(key, new Set([job]))
    else jobs.add(job)
  }

  delete(job: Job): void {
    const key = keyOf(job.request)
    const jobs = this.#jobs.get(key)
    jobs?.delete(job)
    if (jobs?.size === 0) this.#jobs.delete(key)
  }

  /** Its message is about to be acknowledged for good. */
  acknowledged({ request, delivery }: Job): void {
    const key = keyOf(request)
    if (delivery.isLost) this.#finished.set(key, true)
    else this.#acked.push({ key, at: performance.now() })
    if (this.#acked.size > MOST_REMEMBERED) this.#acked.shift()
  }

  /** Acknowledgements that were on their way are in doubt. */
  connectionLost(): void {
    const since = performance.now() - IN_DOUBT_MS
    for (const { key, at } of this.#acked.takeAll()) if (at >= since) this.#finished.set(key, true)
  }

  /**
   * `joined`: the job here keeps running, and is settled with this delivery. `done`: it has ended here, or was acknowledged when
   * it began; this delivery is to be acknowledged.
   */
  recognise(delivery: Delivery, request: TaskRequest): 'joined' | 'done' | undefined {
    if (!delivery.redelivered) return undefined
    const key = keyOf(request)
    const job = [...(this.#jobs.get(key) ?? [])].find((known) => known.delivery.isLost)
    if (job === undefined) return this.#finished.delete(key) ? 'done' : undefined
    const wasSettled = job.delivery.isSettled
    job.delivery = delivery
    return wasSettled ? 'done' : 'joined'
  }
}

function keyOf({ id, retries }: TaskRequest): string {
  return `${retries} ${id}`
}
