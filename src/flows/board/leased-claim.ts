import { startInterval, type Timer } from '../../async/timer.ts'
import { LeaseTerm } from '../../leases/lease-term.ts'
import { JobFailure } from './board-errors.ts'
import type { Job } from './job.ts'

export interface LeasedClaimParts {
  readonly job: Job
  /** Writes of the run carry it: a later owner's is greater. */
  readonly epoch: number
  readonly owner: string
  /** When it was asked for (performance.now). */
  readonly sinceMs: number
}

/** A claimed job, and the term for which it is ours: extended by itself, and lost at its end if that fails. */
export abstract class LeasedClaim {
  readonly job: Job
  readonly epoch: number
  protected readonly term: LeaseTerm
  readonly #owner: string
  readonly #held = new AbortController()
  readonly #timer: Timer

  constructor({ job, epoch, owner, sinceMs }: LeasedClaimParts, holdMs: number) {
    this.job = job
    this.epoch = epoch
    this.#owner = owner
    this.term = new LeaseTerm(`job ${job.uuid}`, { holdMs, sinceMs })
    this.#timer = startInterval(holdMs / 4, () => {
      this.extend().catch(() => undefined) // the term ends where no later one succeeds
    }).unref()
  }

  /** Called four times in a term: extends it if the job is still ours, else lets go. */
  protected abstract extend(): Promise<void>

  get lost(): AbortSignal {
    return this.term.lost
  }

  get held(): AbortSignal {
    return this.#held.signal
  }

  /** The job was suspended. */
  protected hold(): void {
    this.#held.abort()
  }

  /** It is not extended any more. */
  protected stopExtending(): void {
    this.#timer.clear()
  }

  /** It is not extended any more, and is over at once for what still runs under it. */
  protected letGo(): void {
    this.stopExtending()
    this.term.end()
  }

  protected notOurs(): JobFailure {
    return new JobFailure(`job ${this.job.uuid} does not belong to "${this.#owner}" any more`)
  }
}
