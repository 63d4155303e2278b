import type { Parcel } from './parcel.ts'
import type { SubscribeOptions, TransportHeader } from './transport.ts'

/** What a transport was asked to consume. */
export interface SubscriptionPlan {
  readonly id: number
  readonly kind: 'queue' | 'broadcast' | 'temporary'
  /** The queue, the topic, or the hint of a temporary queue. */
  readonly name: string | null
  readonly options: SubscribeOptions
  readonly receive: (header: TransportHeader, body: Uint8Array) => void
}

export interface Settlement {
  readonly messageId: number
  readonly how: 'ack' | 'requeue' | 'reject'
}

/** A subscription as the broker of a transport has it. */
export interface OpenSubscription {
  readonly queue: string
  settle(settlement: Settlement): Promise<void>
  /** Throws where there is no such message in hand. */
  requireHeld(messageId: number): void
  isHeld(messageId: number): boolean
  /** Sends and settles on the channel of the subscription, all of it or nothing. */
  commit(parcels: readonly Parcel[], settlements: readonly Settlement[]): Promise<void>
  close(): Promise<void>
}
