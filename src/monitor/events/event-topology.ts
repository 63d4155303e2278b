import type { Config } from '../../config/config.ts'
import { durableExchange, durableQueue, type Topology } from '../../protocol/routing/topology.ts'

export type EventQueueSettings = Pick<Config, 'event_exchange' | 'event_queue_prefix'>

/** What waits while no monitor runs; then the oldest go first, rather than the broker's memory. */
const MOST_EVENTS = 1_000_000

/** The monitor's own queue of events, which outlives it, so that nothing is missed while none runs. */
export function eventQueueName({ event_queue_prefix: prefix }: EventQueueSettings): string {
  return `${prefix}.celery-toolbox`
}

/** Bound to all events. Durable and not exclusive, which every RabbitMQ from 3.10 to 4.3 takes. */
export function eventTopology(settings: EventQueueSettings): Topology {
  const queue = eventQueueName(settings)
  const { event_exchange: exchange } = settings
  return {
    exchanges: [durableExchange(exchange, 'topic')],
    queues: [durableQueue(queue, { 'x-max-length': MOST_EVENTS, 'x-overflow': 'drop-head' })],
    bindings: [{ exchange, queue, routingKey: '#' }],
  }
}
