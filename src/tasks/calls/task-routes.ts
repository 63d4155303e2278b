import type { Config } from '../../config/config.ts'
import { TaskError, UnroutableTaskError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Route } from '../../protocol/message.ts'
import type { Router } from '../../protocol/routing/routers.ts'
import {
  type QueueDefinitions,
  type ResolvedRoute,
  type RouteDefaults,
  resolveRoute,
  workQueuesReached,
} from '../../protocol/routing/routes.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import { DIRECT_EXCHANGE } from '../../protocol/routing/worker-direct.ts'
import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import { delayedRoute } from './delayed-route.ts'
import type { CallInput } from './task-call.ts'

/** Where calls go, by Celery's rules; refuses those that would reach the monitor alone. */
export class TaskRoutes {
  readonly #config: Config
  readonly #platformQueue: string
  readonly #routers: Router
  readonly #queues: QueueDefinitions
  readonly #defaults: RouteDefaults
  readonly #logger: Logger
  readonly #topology: Topology
  readonly #workQueues: readonly string[]
  /** The toolbox's own router looks at nothing but the name, so its answers can be kept. */
  readonly #isByNameOnly: boolean
  readonly #byName = new Map<string, ResolvedRoute>()

  constructor(config: Config, logger: Logger) {
    this.#config = config
    this.#platformQueue = config.platformQueue
    this.#routers = config.task_routes
    this.#queues = config.queueDefinitions()
    this.#defaults = config.routeDefaults()
    this.#logger = logger
    this.#topology = config.topology()
    this.#workQueues = config.workQueues()
    this.#isByNameOnly = config.source('task_routes') === 'default'
  }

  /** Throws `UnroutableTaskError` where no work queue would get the message, naming those that exist. */
  routeOf(call: CallInput): ResolvedRoute {
    if (!this.#isByNameOnly || hasRoutingOptions(call.options)) return this.#resolve(call)
    const name = call.routeAs ?? call.task
    let route = this.#byName.get(name)
    if (route === undefined) {
      // Without the options of this call: its priority is not that of the next one.
      route = this.#resolve({ ...call, options: {} })
      this.#byName.set(name, route)
    }
    return route
  }

  /** The way a message takes that is to come at its eta. */
  delayed(route: Route, eta: string | null | undefined): Route {
    return eta === null || eta === undefined ? route : delayedRoute(route, eta, this.#config)
  }

  /** What has to be declared first, as only the call names it: the queue of a plain Celery, as Celery declares it. */
  missing({ queue, declare }: ResolvedRoute): Topology | null {
    const isKnown = this.#queues.some(({ name }) => name === queue)
    return queue === null || isKnown || this.#config.TOPOLOGY !== 'celery' ? null : declare
  }

  #resolve(call: CallInput): ResolvedRoute {
    const { options, routeAs: task = call.task } = call
    const isOpen = this.#config.TOPOLOGY === 'celery'
    if (call.isFromSignature !== true && !isOpen) this.#checkQueue(task, options.queue)
    const route = resolveRoute({
      task,
      args: call.args,
      kwargs: call.kwargs,
      options: routingOptions(options),
      routers: this.#routers,
      queues: this.#queues,
      defaults: this.#defaults,
    })
    // Which workers have such a queue only they know.
    if (this.#config.worker_direct && route.exchange === DIRECT_EXCHANGE) return route
    if (isOpen && route.queue !== null)
      return this.#toItsQueue(task, { ...route, queue: route.queue })
    const reached = this.#reached(route)
    if (reached.length === 0) {
      throw new UnroutableTaskError(task, route.routingKey, this.#workQueues)
    }
    if (options.queue !== undefined && !reached.includes(options.queue)) {
      this.#logger.warn(
        { task, queue: options.queue, routingKey: route.routingKey, reached },
        'the queue of a call is overridden by the exchange and routing key of its route',
      )
    }
    return route
  }

  /** As in Celery, a queue that only the call names is declared before it is published to. */
  #toItsQueue(task: string, route: ResolvedRoute & { readonly queue: string }): ResolvedRoute {
    if (!this.#config.task_create_missing_queues) this.#checkQueue(task, route.queue)
    // A plain Celery has no routes of its own.
    return this.#isByNameOnly ? { ...route, isRouted: false } : route
  }

  #reached(route: Route): string[] {
    return workQueuesReached(this.#topology, route, this.#platformQueue)
  }

  #checkQueue(task: string, queue: string | undefined): void {
    if (queue === undefined || this.#workQueues.includes(queue)) return
    throw new TaskError(
      'TASK_UNROUTABLE',
      `task "${task.slice(0, LONGEST_NAME)}" was called for the queue "${queue.slice(0, LONGEST_NAME)}", which is not one of the work queues: ${this.#workQueues.join(', ')}`,
    )
  }
}

/** AMQP's. */
const LONGEST_NAME = 255

function hasRoutingOptions({ queue, exchange, routingKey }: CallOptions): boolean {
  return queue !== undefined || exchange !== undefined || routingKey !== undefined
}

function routingOptions({
  queue,
  exchange,
  routingKey,
  priority,
}: CallOptions): Record<string, unknown> {
  const all = { queue, exchange, routingKey, priority }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
