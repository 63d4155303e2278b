import {
  type Binding,
  durableExchange,
  type Exchange,
  type Queue,
  type Topology,
} from '../protocol/topology.ts'
import type { TaskQueue } from './task-queues.ts'

/** The exchanges, queues and bindings of the task queues, as Celery would declare them. */
export function topologyOf(queues: readonly TaskQueue[], maxPriority: number | null): Topology {
  const exchanges = new Map<string, Exchange>()
  for (const queue of queues) {
    exchanges.set(queue.exchange, durableExchange(queue.exchange, queue.exchange_type))
  }
  return {
    exchanges: [...exchanges.values()],
    queues: queues.map((queue) => declaredQueue(queue, maxPriority)),
    bindings: queues.map(bindingOf),
  }
}

function declaredQueue(queue: TaskQueue, maxPriority: number | null): Queue {
  const priority = maxPriority === null ? {} : { 'x-max-priority': maxPriority }
  return {
    name: queue.name,
    durable: queue.durable,
    exclusive: queue.exclusive,
    autoDelete: queue.auto_delete,
    arguments: { ...priority, ...queue.queue_arguments },
  }
}

function bindingOf(queue: TaskQueue): Binding {
  return { exchange: queue.exchange, queue: queue.name, routingKey: queue.routing_key }
}
