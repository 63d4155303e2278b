import type { Delivery } from '../brokers/broker.ts'
import type { Message, Route } from '../protocol/message.ts'
import type { Topology } from '../protocol/routing/topology.ts'

/** What commands and their answers travel by: a broker, or a table in PostgreSQL where the broker has no mailboxes. */
export interface ControlCarrier {
  declare(topology: Topology): Promise<void>
  publish(message: Message, route: Route): Promise<void>
  consume(
    queue: string,
    options: { readonly prefetch: number },
    onDelivery: (delivery: ControlDelivery) => void,
  ): Promise<ControlSubscription>
  /** The same as `publish`; workers that start later get it by `kept`. Brokers keep nothing. */
  publishKept?(message: Message, route: Route): Promise<void>
  /** What was kept of this exchange, the oldest first. */
  kept?(exchange: string): Promise<readonly KeptMessage[]>
}

export type ControlDelivery = Pick<Delivery, 'message' | 'route' | 'ack'>

export interface ControlSubscription {
  close(): Promise<void>
}

export interface KeptMessage {
  readonly message: Message
  readonly sentAt: Date
}
