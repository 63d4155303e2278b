import type { Route } from '../message.ts'
import type { Exchange, Queue, Topology } from '../routing/topology.ts'

/** The settings that shape the queues of remote control, in seconds. */
interface ControlQueueSettings {
  readonly control_exchange: string
  readonly control_queue_ttl: number | null
  readonly control_queue_expires: number | null
  readonly control_queue_durable: boolean
}

export function commandRoute(namespace: string): Route {
  return { exchange: `${namespace}.pidbox`, routingKey: '' }
}

export function replyExchangeName(namespace: string): string {
  return `reply.${namespace}.pidbox`
}

/** What a worker declares to hear commands. */
export function mailboxTopology(hostname: string, settings: ControlQueueSettings): Topology {
  const { control_exchange: namespace } = settings
  const exchange = `${namespace}.pidbox`
  const queue = controlQueue(`${hostname}.${namespace}.pidbox`, settings)
  return {
    exchanges: [transientExchange(exchange, 'fanout')],
    queues: [queue],
    bindings: [{ exchange, queue: queue.name, routingKey: '' }],
  }
}

/** What a caller declares to receive answers; `id` is the routing key that answers are sent to. */
export function replyTopology(id: string, settings: ControlQueueSettings): Topology {
  const { control_exchange: namespace } = settings
  const exchange = replyExchangeName(namespace)
  const queue = controlQueue(`${id}.${exchange}`, settings)
  return {
    exchanges: [transientExchange(exchange, 'direct')],
    queues: [queue],
    bindings: [{ exchange, queue: queue.name, routingKey: id }],
  }
}

/** What a worker that answers declares. */
export function replyExchangeTopology(exchange: string): Topology {
  return { exchanges: [transientExchange(exchange, 'direct')], queues: [], bindings: [] }
}

/** What a caller that only sends commands declares: publishing to an exchange that is not there fails. */
export function commandTopology(namespace: string): Topology {
  const exchanges = [transientExchange(`${namespace}.pidbox`, 'fanout')]
  return { exchanges, queues: [], bindings: [] }
}

/**
 * Transient, as Celery's. A queue that is neither durable nor exclusive is refused by newer RabbitMQ, so what is not
 * durable is exclusive: Celery's own default since 5.7.
 */
function controlQueue(name: string, settings: ControlQueueSettings): Queue {
  const { control_queue_ttl, control_queue_expires, control_queue_durable } = settings
  return {
    name,
    durable: control_queue_durable,
    exclusive: !control_queue_durable,
    autoDelete: !control_queue_durable,
    arguments: {
      ...(control_queue_expires === null
        ? {}
        : { 'x-expires': Math.trunc(control_queue_expires * 1000) }),
      ...(control_queue_ttl === null
        ? {}
        : { 'x-message-ttl': Math.trunc(control_queue_ttl * 1000) }),
    },
  }
}

function transientExchange(name: string, type: 'fanout' | 'direct'): Exchange {
  return { name, type, durable: false, autoDelete: false, arguments: {} }
}
