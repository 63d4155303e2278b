import type { Lease, LeaseOptions, Leases } from '../../src/leases/lease.ts'
import { LeaseTerm } from '../../src/leases/lease-term.ts'

interface Holding {
  readonly epoch: number
  readonly term: LeaseTerm
}

/** Leases of one process, for tests without a database. */
export class MemoryLeases implements Leases {
  readonly #holdings = new Map<string, Holding>()

  async acquire(name: string, { holdMs }: LeaseOptions): Promise<Lease | undefined> {
    const before = this.#holdings.get(name)
    if (before !== undefined && !before.term.lost.aborted) return undefined
    const term = new LeaseTerm(name, { holdMs, sinceMs: performance.now() })
    const epoch = (before?.epoch ?? 0) + 1
    this.#holdings.set(name, { epoch, term })
    return memoryLease(name, epoch, term)
  }
}

function memoryLease(name: string, epoch: number, term: LeaseTerm): Lease {
  return {
    name,
    epoch,
    get lost() {
      return term.lost
    },
    extend: async () => term.extend(performance.now()),
    confirm: async () => term.check(),
    release: async () => term.end(),
    [Symbol.asyncDispose]: async () => term.end(),
  }
}
