import { startInterval } from '../async/timer.ts'
import { type Logger, silentLogger } from '../logger.ts'
import type { Lease, LeaseOptions, Leases } from './lease.ts'

interface LeaseHolderOptions extends LeaseOptions {
  readonly name: string
  readonly logger?: Logger
}

/**
 * Work that one process does at a time: `periodic((signal) => holder.run((lease) => …), …)`. It keeps the lease from one
 * turn to the next, as long as they follow each other within `holdMs`, and extends it while the work runs.
 */
export class LeaseHolder {
  readonly #leases: Leases
  readonly #options: LeaseHolderOptions
  readonly #logger: Logger
  #lease: Lease | undefined

  constructor(leases: Leases, options: LeaseHolderOptions) {
    this.#leases = leases
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** The answer of the work, or undefined where another process holds the lease. The work ends once `lease.lost` is aborted. */
  async run<Answer>(work: (lease: Lease) => Promise<Answer>): Promise<Answer | undefined> {
    const lease = await this.#hold()
    if (lease === undefined) return undefined
    const timer = startInterval(this.#options.holdMs / 3, () => this.#extend(lease)).unref()
    try {
      return await work(lease)
    } finally {
      timer.clear()
    }
  }

  /** Lets another process have it at once. */
  async release(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await lease?.release()
  }

  async #hold(): Promise<Lease | undefined> {
    const { name, holdMs } = this.#options
    if (this.#lease !== undefined && !this.#lease.lost.aborted) {
      const isExtended = await this.#lease.extend().then(
        () => true,
        () => false,
      )
      if (isExtended) return this.#lease
    }
    this.#lease = await this.#leases.acquire(name, { holdMs })
    if (this.#lease !== undefined) {
      this.#logger.debug({ lease: name, epoch: this.#lease.epoch }, 'lease acquired')
    }
    return this.#lease
  }

  #extend(lease: Lease): void {
    lease.extend().catch((error: unknown) => {
      this.#logger.warn({ lease: lease.name, err: error }, 'a lease was not extended')
    })
  }
}
