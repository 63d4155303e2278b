import type { Route } from '../message.ts'
import type { RouteOptions } from './route-options.ts'
import { lookUpRoute, type Router } from './routers.ts'
import type { Exchange, ExchangeType, Queue, Topology } from './topology.ts'
import { bindingTakes, durableExchange, durableQueue } from './topology.ts'

/** A queue as Celery's task_queues declares it: with the exchange and the key it is bound by. */
export interface QueueDefinition {
  readonly name: string
  readonly exchange: string
  readonly exchangeType: ExchangeType
  readonly routingKey: string
  /** Arguments of the queue, e.g. { 'x-max-priority': 10 }. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

export type QueueDefinitions = readonly QueueDefinition[]

/** task_default_queue, task_default_exchange, task_default_exchange_type, task_default_routing_key. */
export interface RouteDefaults {
  readonly queue: string
  readonly exchange: string
  readonly exchangeType: ExchangeType
  readonly routingKey: string
  /** task_create_missing_queue_type, task_create_missing_queue_exchange_type: of a queue that only a call names. */
  readonly missing?: Pick<QueueDefinition, 'exchangeType' | 'arguments'>
}

export interface RouteInput {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** What the call itself says; it wins over what routers say. */
  readonly options: RouteOptions
  readonly routers: Router | null
  readonly queues: QueueDefinitions
  readonly defaults: RouteDefaults
}

export interface ResolvedRoute extends Route {
  /** The queue the call goes to by name; null where exchange and routing key alone decide. */
  readonly queue: string | null
  /** What must exist before the message is published; null where nothing is known. */
  readonly declare: Topology | null
  readonly priority?: number
  /** A router knew the task. */
  readonly isRouted: boolean
  /** The router's and the call's options together: routers may set any option of a call. */
  readonly options: RouteOptions
}

/**
 * Where a call is published, by Celery's rules:
 * https://docs.celeryq.dev/en/stable/userguide/routing.html
 */
export function resolveRoute(input: RouteInput): ResolvedRoute {
  const found = lookUpRoute(input)
  const options = mergeOptions(found, input.options)
  const queue = queueFor(options, found === null, input)
  const { exchange, routingKey } = destinationOf(options, queue, input.defaults)
  const route = {
    exchange,
    routingKey,
    queue: queue?.name ?? null,
    declare: queue === null ? null : topologyOf([queue]),
    isRouted: found !== null,
    options,
  }
  return typeof options.priority === 'number' ? { ...route, priority: options.priority } : route
}

/** Exchanges, queues and bindings that queue definitions stand for. */
export function topologyOf(queues: QueueDefinitions): Topology {
  const exchanges = new Map<string, Exchange>()
  for (const { exchange, exchangeType } of queues) {
    if (exchange !== '') exchanges.set(exchange, durableExchange(exchange, exchangeType))
  }
  return {
    exchanges: [...exchanges.values()],
    queues: queues.map((queue): Queue => durableQueue(queue.name, queue.arguments)),
    bindings: queues
      .filter(({ exchange }) => exchange !== '')
      .map(({ name, exchange, routingKey }) => ({ exchange, queue: name, routingKey })),
  }
}

/** The queues, other than the platform's, that a message published by this route comes to. */
export function workQueuesReached(
  topology: Topology,
  route: Route,
  platformQueue: string,
): string[] {
  return queuesReached(topology, route).filter((queue) => queue !== platformQueue)
}

/** The queues that a message published by this route comes to, whichever exchanges it passes. */
export function queuesReached(topology: Topology, route: Route): string[] {
  const { queues, bindings } = topology
  if (route.exchange === '') {
    return queues.map(({ name }) => name).filter((name) => name === route.routingKey)
  }
  const passed = exchangesPassed(topology, route)
  const taking = bindings.filter((binding) => {
    const type = passed.get(binding.exchange)
    return type !== undefined && bindingTakes(type, binding, route.routingKey)
  })
  return [...new Set(taking.map(({ queue }) => queue))]
}

/** The exchange of the route and those bound behind it, with their types. */
function exchangesPassed(
  { exchanges, exchangeBindings = [] }: Topology,
  { exchange, routingKey }: Route,
): ReadonlyMap<string, ExchangeType> {
  const passed = new Map<string, ExchangeType>()
  const ahead = [exchange]
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    const type = exchanges.find((known) => known.name === name)?.type
    if (type === undefined || passed.has(name)) continue
    passed.set(name, type)
    for (const binding of exchangeBindings) {
      if (binding.source === name && bindingTakes(type, binding, routingKey)) {
        ahead.push(binding.destination)
      }
    }
  }
  return passed
}

/** What the call says wins, unless it says nothing. */
function mergeOptions(found: RouteOptions | null, options: RouteOptions): RouteOptions {
  if (found === null) return options
  const merged: Record<string, unknown> = { ...found }
  for (const [name, value] of Object.entries(options)) {
    if (value !== null && value !== undefined) merged[name] = value
  }
  return merged
}

function queueFor(
  { queue, exchange }: RouteOptions,
  isUnrouted: boolean,
  { queues, defaults }: RouteInput,
): QueueDefinition | null {
  const isNamed = queue !== undefined && queue !== null
  // Without a route Celery fills in the default queue, even beside a lone exchange.
  if (!isNamed && !isUnrouted && exchange !== undefined && exchange !== null) return null
  const name = isNamed ? queue : defaults.queue
  return queues.find((definition) => definition.name === name) ?? missingQueue(name, defaults)
}

/** task_create_missing_queues: an undefined queue hangs on an exchange of its own name. */
function missingQueue(name: string, { missing }: RouteDefaults): QueueDefinition {
  return { name, exchange: name, exchangeType: 'direct', routingKey: name, ...missing }
}

function destinationOf(
  options: RouteOptions,
  queue: QueueDefinition | null,
  defaults: RouteDefaults,
): Route {
  const exchange = nameOf(options.exchange)
  const { routingKey } = options
  if (exchange && routingKey) return { exchange, routingKey }
  if (queue === null) {
    return {
      exchange: exchange || defaults.exchange,
      routingKey: routingKey || defaults.routingKey,
    }
  }
  // A direct exchange adds nothing to the default one, which reaches every queue by its name.
  if (queue.exchangeType === 'direct') return { exchange: '', routingKey: queue.name }
  return {
    exchange: exchange || queue.exchange || defaults.exchange,
    routingKey: routingKey || queue.routingKey || defaults.routingKey,
  }
}

function nameOf(exchange: RouteOptions['exchange']): string | undefined {
  return typeof exchange === 'object' && exchange !== null ? exchange.name : exchange
}
