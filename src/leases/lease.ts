import type { Transaction } from '../database/database.ts'

export interface LeaseOptions {
  /** How long it is held without being extended. */
  readonly holdMs: number
}

/** Gives out leases: of all processes one holds a name, for a time that it extends while it works. */
export interface Leases {
  /** The lease, or undefined while another holds that name. */
  acquire(name: string, options: LeaseOptions): Promise<Lease | undefined>
}

export interface Lease extends AsyncDisposable {
  readonly name: string
  /** Grows by one with each holder of the name. Where writes go elsewhere, refuse those with a lower one. */
  readonly epoch: number
  /** Aborted with LEASE_LOST as soon as another may hold the name: not extended in time, or known to be gone. */
  readonly lost: AbortSignal
  /** Holds it for `holdMs` from now on. Rejects with LEASE_LOST, or with the error of a server that is away. */
  extend(): Promise<void>
  /**
   * Rejects with LEASE_LOST unless it is held now. Called in a transaction before the writes, it also keeps the name from
   * every other process until the transaction is over: a holder that was suspended for too long writes nothing.
   */
  confirm(transaction?: Transaction): Promise<void>
  /** Lets others have it at once. Does nothing where it is lost. */
  release(): Promise<void>
}
