import { MonitorError } from '../../errors.ts'
import type { Route } from '../../protocol/message.ts'
import {
  DELIVERY_EXCHANGE,
  isDelayExchange,
  undelayedRoutingKey,
} from '../../protocol/routing/delayed-delivery.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import { WorkQueues } from '../mirror/work-queues.ts'

interface ReplayPlaces {
  readonly topology: Topology
  readonly platformQueue: string
  /** Where what was delayed natively is published without its delay. */
  readonly defaultExchange: string
}

/**
 * Where a recorded message is published again: where it was published before, or by the binding of the queue that is
 * asked for, so that the copy reaches the record too.
 */
export function replayRoute(
  recorded: Route,
  queue: string | undefined,
  places: ReplayPlaces,
): Route {
  if (queue !== undefined) return routeTo(queue, places)
  const route = undelayed(recorded, places)
  const queues = new WorkQueues(places.topology, places.platformQueue)
  if (queues.reachedBy(route) === null) {
    throw new MonitorError(
      'REPLAY_IMPOSSIBLE',
      `no work queue takes routing key "${route.routingKey}" of exchange "${route.exchange}"; ` +
        `name one of ${namesOf(places)} as the queue`,
    )
  }
  return route
}

function undelayed(route: Route, { defaultExchange }: ReplayPlaces): Route {
  if (!(isDelayExchange(route.exchange) || route.exchange === DELIVERY_EXCHANGE)) return route
  return { exchange: defaultExchange, routingKey: undelayedRoutingKey(route.routingKey) }
}

function routeTo(queue: string, places: ReplayPlaces): Route {
  const binding = places.topology.bindings.find(
    (each) => each.queue === queue && queue !== places.platformQueue,
  )
  if (binding !== undefined) return { exchange: binding.exchange, routingKey: binding.routingKey }
  throw new MonitorError(
    'REPLAY_IMPOSSIBLE',
    `there is no work queue "${queue}"; there are ${namesOf(places)}`,
  )
}

function namesOf({ topology, platformQueue }: ReplayPlaces): string {
  return topology.queues
    .filter(({ name }) => name !== platformQueue)
    .map(({ name }) => `"${name}"`)
    .join(', ')
}
