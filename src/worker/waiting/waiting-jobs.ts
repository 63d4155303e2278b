import type { Job } from '../job.ts'
import type { PoolName } from '../pools/pool.ts'
import { HeldTasks } from './held-tasks.ts'
import { RateLimits } from './rate-limits.ts'
import { Slots } from './slots.ts'

interface WaitingJobsParts {
  /** The pool that runs a job. */
  readonly poolOf: (job: Job) => PoolName
  /** How many jobs a pool runs at a time, until that is changed. */
  readonly slotsOf: (pool: PoolName) => number
  /** Takes a job that has got a slot. */
  readonly start: (job: Job) => void
  /** The rate limit of a job's task, as it is now. */
  readonly limitOf: (job: Job) => string | number | null | undefined
  /** Called with the queue where one job more or less is held. */
  readonly onHeld: (queue: string) => void
}

/** Jobs that have not started: they wait for their eta, then for their rate limit, then for a slot. */
export class WaitingJobs {
  readonly #parts: WaitingJobsParts
  readonly #held = new HeldTasks<Job>()
  readonly #limits = new RateLimits<Job>((job) => this.#slotsOf(this.#parts.poolOf(job)).add(job))
  /** A job waits for a slot of its own pool only. */
  readonly #slots = new Map<PoolName, Slots<Job>>()
  #isPaused = false

  constructor(parts: WaitingJobsParts) {
    this.#parts = parts
  }

  /** How many have a slot. */
  get running(): number {
    return this.#sumOf(({ running }) => running)
  }

  /** How many have a slot, or would take one. */
  get busy(): number {
    return this.#sumOf(({ running, waiting }) => running + waiting) + this.#limits.waiting
  }

  /** How many have a slot of that pool, or wait for one. */
  busyIn(pool: PoolName): number {
    const slots = this.#slots.get(pool)
    return slots === undefined ? 0 : slots.running + slots.waiting
  }

  /** How many wait for their eta. */
  get held(): number {
    return this.#held.size
  }

  /** Jobs that wait for their eta. */
  get scheduled(): readonly Job[] {
    return this.#held.jobs
  }

  /** Jobs that wait for their rate limit or for a slot. */
  get reserved(): readonly Job[] {
    return [...[...this.#slots.values()].flatMap(({ jobs }) => jobs), ...this.#limits.jobs]
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
  free(job: Job): void {
    this.#slotsOf(this.#parts.poolOf(job)).free()
  }

  /** The pool runs more jobs at a time from now on, or fewer. */
  resize(pool: PoolName, concurrency: number): void {
    this.#slotsOf(pool).resize(concurrency)
  }

  /** The rate limit of a task has changed: its jobs take their places anew. */
  requeueLimited(taskName: string): void {
    for (const job of this.#limits.endLine(taskName)) this.admit(job)
  }

  /** Lets go of those. */
  remove(matches: (job: Job) => boolean): readonly Job[] {
    const held = this.#held.remove(matches)
    for (const { delivery } of held) this.#parts.onHeld(delivery.queue)
    const unstarted = [...this.#slots.values()].flatMap((slots) => slots.remove(matches))
    return [...held, ...unstarted, ...this.#limits.remove(matches)]
  }

  /** Starts no more of them. */
  pause(): void {
    this.#isPaused = true
    for (const slots of this.#slots.values()) slots.pause()
  }

  /** Lets go of all, to be given back. */
  release(): readonly Job[] {
    const unstarted = [...this.#slots.values()].flatMap((slots) => slots.takeWaiting())
    return [...unstarted, ...this.#held.release(), ...this.#limits.release()]
  }

  #slotsOf(pool: PoolName): Slots<Job> {
    let slots = this.#slots.get(pool)
    if (slots === undefined) {
      slots = new Slots<Job>(this.#parts.slotsOf(pool), this.#parts.start)
      if (this.#isPaused) slots.pause()
      this.#slots.set(pool, slots)
    }
    return slots
  }

  #sumOf(count: (slots: Slots<Job>) => number): number {
    return [...this.#slots.values()].reduce((sum, slots) => sum + count(slots), 0)
  }
}
