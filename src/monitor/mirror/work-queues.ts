import type { Route } from '../../protocol/message.ts'
import { isDelayExchange, undelayedRoutingKey } from '../../protocol/routing/delayed-delivery.ts'
import { workQueuesReached } from '../../protocol/routing/routes.ts'
import type { Topology } from '../../protocol/routing/topology.ts'

/** Routing keys may be made up by any client, so what is remembered has an end. */
const MOST_REMEMBERED = 10_000

/** The work queue that a message has gone to besides the platform queue, by the configured topology. */
export class WorkQueues {
  readonly #topology: Topology
  readonly #platformQueue: string
  readonly #known = new Map<string, string | null>()

  readonly #isOpen: boolean

  /** In a plain Celery's topology there are more queues than any config knows, each reached by its name. */
  constructor(topology: Topology, platformQueue: string, kind?: 'mirrored' | 'celery') {
    this.#topology = topology
    this.#isOpen = kind === 'celery'
    this.#platformQueue = platformQueue
  }

  /** Null where it reaches none: no worker will ever run it. */
  reachedBy(route: Route): string | null {
    const key = `${route.exchange}\n${route.routingKey}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const queue = this.#find(route)
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear()
    this.#known.set(key, queue)
    return queue
  }

  #find(route: Route): string | null {
    if (this.#isOpen && route.exchange === '') return route.routingKey
    const [queue = null] = this.#destinationsOf(route).flatMap((destination) =>
      workQueuesReached(this.#topology, destination, this.#platformQueue),
    )
    return queue
  }

  /**
   * A natively delayed message ends up in the exchanges of the task queues:
   * https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown
   */
  #destinationsOf(route: Route): readonly Route[] {
    if (!isDelayExchange(route.exchange)) return [route]
    const routingKey = undelayedRoutingKey(route.routingKey)
    return this.#topology.exchanges.map(({ name }) => ({ exchange: name, routingKey }))
  }
}
