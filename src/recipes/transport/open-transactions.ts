import { encodeJson } from '../../codecs/json/json.ts'
import { TransportError } from '../../errors.ts'
import type { Parcel } from './parcel.ts'
import type { Settlement, SubscriptionPlan } from './subscription.ts'

/** Sends and settlements that take effect together. */
export interface Transaction {
  readonly id: number
  readonly subscriptionId: number | null
  readonly parcels: Parcel[]
  readonly settlements: Settlement[]
}

/** They are held until the commit; each message of a run carries its whole recipe, and a step may have thousands of outputs. */
const MOST_BYTES = 64 * 1024 * 1024

/** The transactions of a transport that are neither committed nor aborted. */
export class OpenTransactions {
  readonly #open = new Map<number, Transaction>()
  /** Of the bodies of its messages. */
  readonly #bytes = new WeakMap<Transaction, number>()
  #last = 0

  get size(): number {
    return this.#open.size
  }

  /** Throws where the subscription, or what has none, is in one already. */
  begin(plan: SubscriptionPlan | null): number {
    if (plan === null) this.#requireNoneWithoutSubscription()
    else this.#requireFree(plan)
    this.#last += 1
    const id = this.#last
    const subscriptionId = plan?.id ?? null
    this.#open.set(id, { id, subscriptionId, parcels: [], settlements: [] })
    return id
  }

  /** Throws where the messages of the transaction would take too much memory. */
  add(id: number, parcel: Parcel): void {
    const transaction = this.get(id, 'send in')
    const bytes = (this.#bytes.get(transaction) ?? 0) + parcel.body.length
    if (transaction.parcels.length > 0 && bytes > MOST_BYTES) {
      throw new TransportError(
        `the ${transaction.parcels.length + 1} messages of transaction ${id} take ${bytes} bytes, expected at most ${MOST_BYTES}`,
      )
    }
    this.#bytes.set(transaction, bytes)
    transaction.parcels.push(parcel)
  }

  get(id: number, verb: string): Transaction {
    const transaction = this.#open.get(id)
    if (transaction !== undefined) return transaction
    throw new TransportError(`Attempting to ${verb} unknown transaction ${encodeJson(id)}`)
  }

  /** The same, and it is open no more. */
  take(id: number, verb: string): Transaction {
    const transaction = this.get(id, verb)
    this.#open.delete(id)
    return transaction
  }

  forgetThoseOf(subscriptionId: number | undefined): void {
    for (const [id, transaction] of this.#open) {
      if (transaction.subscriptionId === subscriptionId) this.#open.delete(id)
    }
  }

  clear(): void {
    this.#open.clear()
  }

  /** Where one message at a time is in hand, a second transaction, or a settlement beside it, is a mistake. */
  requireNoneOf({ id: subscriptionId, options }: SubscriptionPlan): void {
    if ((options.prefetchCount ?? 1) !== 1) return
    const other = this.#firstOf(subscriptionId)
    if (other === undefined) return
    throw new TransportError(
      `subscription ${subscriptionId} is in transaction ${other.id}; commit or abort it first`,
    )
  }

  #requireFree(plan: SubscriptionPlan): void {
    if (plan.options.reconnectable === true) {
      throw new TransportError(
        `subscription ${plan.id} is reconnectable; transactions are unsupported there`,
      )
    }
    this.requireNoneOf(plan)
  }

  #requireNoneWithoutSubscription(): void {
    const other = this.#firstOf(null)
    if (other === undefined) return
    throw new TransportError(
      `transaction ${other.id} is under way; commit or abort it first, or name a subscription`,
    )
  }

  #firstOf(subscriptionId: number | null): Transaction | undefined {
    return [...this.#open.values()].find((one) => one.subscriptionId === subscriptionId)
  }
}
