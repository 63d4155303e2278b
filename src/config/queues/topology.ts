import type { QueueDefinition } from '../../protocol/routing/routes.ts'
import {
  type Binding,
  durableExchange,
  type Exchange,
  type Queue,
  type Topology,
} from '../../protocol/routing/topology.ts'
import type { Dict } from '../resolve/value-types.ts'
import type { TaskQueue } from './task-queues.ts'

/**
 * Journey 3/7, queue: the exchanges, queues and bindings of the task queues, as Celery would declare them. Next: the worker, in
 * worker/worker.ts.
 */
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

/** The task queues as routing sees them. */
export function queueDefinitionsOf(
  queues: readonly TaskQueue[],
  maxPriority: number | null,
): readonly QueueDefinition[] {
  return queues.map((queue) => ({
    name: queue.name,
    exchange: queue.exchange,
    exchangeType: queue.exchange_type,
    routingKey: queue.routing_key,
    arguments: argumentsOf(queue, maxPriority),
  }))
}

function declaredQueue(queue: TaskQueue, maxPriority: number | null): Queue {
  return {
    name: queue.name,
    durable: queue.durable,
    exclusive: queue.exclusive,
    autoDelete: queue.auto_delete,
    arguments: argumentsOf(queue, maxPriority),
  }
}

/** task_queue_max_priority is for queues that name no x-max-priority of their own. */
function argumentsOf(queue: TaskQueue, maxPriority: number | null): Dict {
  const priority = maxPriority === null ? {} : { 'x-max-priority': maxPriority }
  return { ...priority, ...queue.queue_arguments }
}

function bindingOf(queue: TaskQueue): Binding {
  return { exchange: queue.exchange, queue: queue.name, routingKey: queue.routing_key }
}
