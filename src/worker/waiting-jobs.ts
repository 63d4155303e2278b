import { HeldTasks } from './held-tasks.ts'
import type { Job } from './job.ts'
import { RateLimits } from './rate-limits.ts'
import { Slots } from './slots.ts'

export interface WaitingJobsParts {
  readonly concurrency: number
  /** Takes a job that has got a slot. */
  readonly start: (job: Job) => void
  /** The rate limit of a job's task, as it is now. */
  readonly limitOf: (job: Job) => string | number | null | undefined
  /** Told of the queue where one job more or less is held. */
  readonly onHeld: (queue: string) => void
}

/** Jobs that have not started: they wait for their eta, then for their rate limit, then for a slot. */
export class WaitingJobs {
  readonly #parts: WaitingJobsParts
  readonly #held = new HeldTasks<Job>()
  readonly #limits = new RateLimits<Job>((job) => this.#slots.add(job))
  readonly #slots: Slots<Job>

  constructor(parts: WaitingJobsParts) {
    this.#parts = parts
    this.#slots = new Slots<Job>(parts.concurrency, parts.start)
  }

  /** How many have a slot. */
  get running(): number {
    return this.#slots.running
  }

  /** How many have a slot, or would take one. */
  get busy(): number {
    return this.#slots.running + this.#slots.waiting + this.#limits.waiting
  }

  /** How many wait for their eta. */
  get held(): number {
    return this.#held.size
  }

  /** For a job that is due. */
  admit(job: Job): void {
    this.#limits.admit(job, job.task.name, this.#parts.limitOf(job))
  }

  /** A held task keeps its delivery. */
  hold(job: Job, dueAt: number): void {
    const { onHeld } = this.#parts
    const { queue } = job.delivery
    this.#held.hold(job, dueAt, (due) => {
      this.admit(due)
      onHeld(queue)
    })
    onHeld(queue)
  }

  /** A job needs its slot no more. */
  free(): void {
    this.#slots.free()
  }

  /** The rate limit of a task has changed: its jobs take their places anew. */
  admitAgain(taskName: string): void {
    for (const job of this.#limits.endLine(taskName)) this.admit(job)
  }

  /** Lets go of those. */
  remove(isMeant: (job: Job) => boolean): readonly Job[] {
    const held = this.#held.remove(isMeant)
    for (const { delivery } of held) this.#parts.onHeld(delivery.queue)
    return [...held, ...this.#slots.remove(isMeant), ...this.#limits.remove(isMeant)]
  }

  /** Starts no more of them. */
  pause(): void {
    this.#slots.pause()
  }

  /** Lets go of all, to be given back. */
  release(): readonly Job[] {
    return [...this.#slots.takeWaiting(), ...this.#held.release(), ...this.#limits.release()]
  }
}
