import { featuresOf } from '../../brokers/features.ts'
import type { Config } from '../../config/config.ts'
import type { Route } from '../../protocol/message.ts'
import {
  DELAYING_EXCHANGE,
  DELIVERY_EXCHANGE,
  delayedBindings,
  delayedRoutingKey,
  delayLevels,
  isDelayExchange,
  LONGEST_DELAY_SECONDS,
  undelayedRoutingKey,
} from '../../protocol/routing/delayed-delivery.ts'
import { queuesReached } from '../../protocol/routing/routes.ts'
import type { Binding, Topology } from '../../protocol/routing/topology.ts'
import { parseIso } from '../../protocol/times.ts'

/** AMQP counts the bytes of a routing key in one byte. */
const LONGEST_KEY_BYTES = 255
/** What may have passed since a countdown became an eta: a countdown of 5 is a delay of 5, as in Python. */
const MOMENT_MS = 50

interface Delays {
  /** The config's own. */
  readonly topology: Topology
  /** Null where the broker does not hold messages back. */
  readonly delayed: Topology | null
  /** Both. */
  readonly whole: Topology
}

/** A config does not change, and what follows from it is asked for with every call that has an eta. */
const known = new WeakMap<Config, Delays>()

/**
 * What native delayed delivery needs, to be declared after the config's own topology; null where it is not in use.
 * The platform queue is bound to the exchange where delays begin, so that a delayed message, Python's too, is
 * mirrored when it is published.
 */
export function delayedTopology(config: Config): Topology | null {
  return delaysOf(config).delayed
}

/**
 * The route by which a message comes when its eta is due, or up to a second before, which workers wait for; the
 * route as given where there is nothing to wait for, or the broker cannot. The route of a delivery that was
 * delayed is first taken back to what it was before.
 */
export function delayedRoute(
  given: Route,
  eta: string | null | undefined,
  config: Config,
  now = Date.now(),
): Route {
  const { topology, delayed, whole } = delaysOf(config)
  const route = undelayedRoute(given, topology)
  const seconds = eta === null || eta === undefined ? 0 : wholeSeconds(parseIso(eta), now)
  if (delayed === null || seconds < 1) return route
  // A message that is due later still, after 8.5 years, waits for the rest in a worker.
  const delay = Math.min(seconds, LONGEST_DELAY_SECONDS)
  const routingKey = delayedRoutingKey(delay, undelayedRoutingKey(route.routingKey))
  if (Buffer.byteLength(routingKey) > LONGEST_KEY_BYTES) return route
  const arrival = { exchange: DELIVERY_EXCHANGE, routingKey }
  return leadToTheSame(whole, route, arrival) ? { exchange: DELAYING_EXCHANGE, routingKey } : route
}

function wholeSeconds(due: Date, now: number): number {
  return Math.trunc((due.getTime() - now + MOMENT_MS) / 1_000)
}

function delaysOf(config: Config): Delays {
  const remembered = known.get(config)
  if (remembered !== undefined) return remembered
  const topology = config.topology()
  const delayed = isInUse(config, topology) ? topologyOf(config, topology) : null
  const whole = delayed === null ? topology : together(topology, delayed)
  const delays = { topology, delayed, whole }
  known.set(config, delays)
  return delays
}

/** Celery's rule is `auto`: where a broker has quorum queues, once any queue is one. */
function isInUse(config: Config, { queues }: Topology): boolean {
  const { delayedExchanges, quorumQueues } = featuresOf(config.brokerUrl)
  if (config.NATIVE_DELAYED_DELIVERY !== 'auto') {
    return config.NATIVE_DELAYED_DELIVERY && delayedExchanges
  }
  return quorumQueues && queues.some((queue) => queue.arguments['x-queue-type'] === 'quorum')
}

function topologyOf(config: Config, topology: Topology): Topology {
  const levels = delayLevels(config.broker_native_delayed_delivery_queue_type)
  const ways = delayedBindings(topology)
  return {
    ...levels,
    bindings: [
      ...levels.bindings,
      ...ways.bindings,
      ...mirrorBindings(ways.bindings, config.platformQueue),
    ],
    exchangeBindings: [...levels.exchangeBindings, ...ways.exchangeBindings],
  }
}

/** What the platform queue gets when it is due, it also gets when it is published. */
function mirrorBindings(bindings: readonly Binding[], platformQueue: string): Binding[] {
  return bindings
    .filter(({ queue }) => queue === platformQueue)
    .map((binding) => ({ ...binding, exchange: DELAYING_EXCHANGE }))
}

function undelayedRoute(route: Route, topology: Topology): Route {
  if (!isDelayExchange(route.exchange)) return route
  const routingKey = undelayedRoutingKey(route.routingKey)
  const origins = topology.exchanges
    .map(({ name }) => ({ exchange: name, routingKey }))
    .filter((origin) => queuesReached(topology, origin).length > 0)
  const [origin] = origins
  if (origin !== undefined && origins.length === 1) return origin
  // Which of them it was is unknown, but this is where all of them can be reached from.
  return { exchange: DELIVERY_EXCHANGE, routingKey: route.routingKey }
}

/** Not so for direct exchanges, nor where another exchange has a queue for the same key. */
function leadToTheSame(topology: Topology, one: Route, other: Route): boolean {
  const queues = queuesReached(topology, one)
  const others = new Set(queuesReached(topology, other))
  return (
    queues.length > 0 && queues.length === others.size && queues.every((queue) => others.has(queue))
  )
}

function together(one: Topology, other: Topology): Topology {
  return {
    exchanges: [...one.exchanges, ...other.exchanges],
    queues: [...one.queues, ...other.queues],
    bindings: [...one.bindings, ...other.bindings],
    exchangeBindings: [...(one.exchangeBindings ?? []), ...(other.exchangeBindings ?? [])],
  }
}
