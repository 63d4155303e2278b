import { isDeepStrictEqual } from 'node:util'
import { BrokerError } from '../../../errors.ts'
import type { Route } from '../../../protocol/message.ts'
import {
  type Binding,
  bindingTakes,
  type Exchange,
  type ExchangeBinding,
  type Queue,
} from '../../../protocol/routing/topology.ts'
import type { DeathReason } from '../../dead-letters/death-history.ts'
import { deadLetter, deadLetterRoute } from './dead-letter.ts'
import { MemoryQueue } from './memory-queue.ts'
import type { StoredMessage } from './stored-message.ts'

const KEPT_ROUTES = 1000

const spaces = new Map<string, MemorySpace>()

/** The broker that every opener of `memory://name` in this process shares. */
export function memorySpace(name: string): MemorySpace {
  const known = spaces.get(name)
  if (known !== undefined) return known
  const space = new MemorySpace()
  spaces.set(name, space)
  return space
}

interface MemoryExchange {
  readonly definition: Exchange
  bindings: readonly Binding[]
  /** To other exchanges. */
  exchangeBindings: readonly ExchangeBinding[]
  /** Routing keys seen and where they lead; forgotten when any binding changes. */
  readonly routes: Map<string, readonly MemoryQueue[]>
}

/** Exchanges, queues and bindings: what a server holds, with or without clients. */
export class MemorySpace {
  readonly #exchanges = new Map<string, MemoryExchange>()
  readonly #queues = new Map<string, MemoryQueue>()
  /** The connection an exclusive queue belongs to. */
  readonly #owners = new Map<string, object>()

  queue(name: string): MemoryQueue | undefined {
    return this.#queues.get(name)
  }

  declareExchange(exchange: Exchange): void {
    const existing = this.#exchanges.get(exchange.name)?.definition
    if (existing !== undefined) refuseOther(`exchange "${exchange.name}"`, existing, exchange)
    else {
      const definition = { ...exchange, arguments: structuredClone(exchange.arguments) }
      this.#exchanges.set(exchange.name, {
        definition,
        bindings: [],
        exchangeBindings: [],
        routes: new Map(),
      })
    }
  }

  declareQueue(queue: Queue, connection: object): void {
    const owner = this.#owners.get(queue.name)
    if (owner !== undefined && owner !== connection) {
      throw refusal(`queue "${queue.name}"`, 'it is exclusive to another connection')
    }
    const existing = this.#queues.get(queue.name)?.definition
    if (existing !== undefined) {
      refuseOther(`queue "${queue.name}"`, existing, queue)
      return
    }
    const definition = { ...queue, arguments: structuredClone(queue.arguments) }
    this.#queues.set(queue.name, new MemoryQueue(definition, this.#owner))
    if (queue.exclusive) this.#owners.set(queue.name, connection)
    this.#forgetRoutes()
  }

  bind(binding: Binding): void {
    // Every queue is bound to the default exchange by its name already.
    if (binding.exchange === '') return
    const exchange = this.#exchanges.get(binding.exchange)
    const what = `binding of queue "${binding.queue}" to exchange "${binding.exchange}"`
    if (exchange === undefined) throw refusal(what, 'there is no such exchange')
    if (!this.#queues.has(binding.queue)) throw refusal(what, 'there is no such queue')
    if (exchange.bindings.some((known) => isDeepStrictEqual(known, binding))) return
    exchange.bindings = [...exchange.bindings, { ...binding }]
    this.#forgetRoutes()
  }

  bindExchange(binding: ExchangeBinding): void {
    const { source, destination } = binding
    const exchange = this.#exchanges.get(source)
    if (exchange === undefined || !this.#exchanges.has(destination)) {
      const missing = exchange === undefined ? source : destination
      throw refusal(
        `binding of exchange "${destination}" to exchange "${source}"`,
        `there is no exchange "${missing}"`,
      )
    }
    if (exchange.exchangeBindings.some((known) => isDeepStrictEqual(known, binding))) return
    exchange.exchangeBindings = [...exchange.exchangeBindings, { ...binding }]
    this.#forgetRoutes()
  }

  deleteQueue(name: string): void {
    const queue = this.#queues.get(name)
    this.#queues.delete(name)
    this.#owners.delete(name)
    for (const exchange of this.#exchanges.values()) {
      exchange.bindings = exchange.bindings.filter((binding) => binding.queue !== name)
    }
    this.#forgetRoutes()
    queue?.close()
  }

  /** The connection is gone, and with it the queues that were its alone. */
  disconnect(connection: object): void {
    for (const [name, owner] of [...this.#owners]) {
      if (owner === connection) this.deleteQueue(name)
    }
  }

  /** The queues that a message goes to; undefined where the exchange does not exist. */
  route({ exchange, routingKey }: Route): readonly MemoryQueue[] | undefined {
    if (exchange === '') {
      const queue = this.#queues.get(routingKey)
      return queue === undefined ? [] : [queue]
    }
    const known = this.#exchanges.get(exchange)
    if (known === undefined) return undefined
    const remembered = known.routes.get(routingKey)
    if (remembered !== undefined) return remembered
    const queues = this.#matching(known, routingKey)
    if (known.routes.size >= KEPT_ROUTES) known.routes.clear()
    known.routes.set(routingKey, queues)
    return queues
  }

  /** Also those that further keys lead to, each once. */
  routeAll(route: Route, furtherKeys: readonly string[]): readonly MemoryQueue[] | undefined {
    const queues = this.route(route)
    if (queues === undefined || furtherKeys.length === 0) return queues
    const { exchange } = route
    const more = furtherKeys.flatMap((routingKey) => this.route({ exchange, routingKey }) ?? [])
    return [...new Set([...queues, ...more])]
  }

  #matching(first: MemoryExchange, routingKey: string): MemoryQueue[] {
    const passed = this.#passed(first, routingKey)
    const matching = passed.flatMap(({ definition, bindings }) =>
      bindings.filter((binding) => bindingTakes(definition.type, binding, routingKey)),
    )
    const names = new Set(matching.map((binding) => binding.queue))
    return [...names].flatMap((name) => this.#queues.get(name) ?? [])
  }

  /** The exchange and those bound behind it that this key comes to, each once. */
  #passed(first: MemoryExchange, routingKey: string): readonly MemoryExchange[] {
    const passed = new Set([first])
    // A set is walked to its end, what is added on the way included.
    for (const { definition, exchangeBindings } of passed) {
      for (const binding of exchangeBindings) {
        const next = this.#exchanges.get(binding.destination)
        if (next !== undefined && bindingTakes(definition.type, binding, routingKey)) {
          passed.add(next)
        }
      }
    }
    return [...passed]
  }

  #forgetRoutes(): void {
    for (const exchange of this.#exchanges.values()) exchange.routes.clear()
  }

  readonly #owner = {
    onDeath: (queue: MemoryQueue, stored: StoredMessage, reason: DeathReason): void => {
      const { deadLetterExchange, deadLetterRoutingKey } = queue.limits
      if (deadLetterExchange === undefined) return
      const dead = deadLetter(stored, queue.name, reason)
      if (dead === undefined) return
      const route = deadLetterRoute(stored, deadLetterExchange, deadLetterRoutingKey)
      for (const target of this.route(route) ?? []) target.enqueue({ ...dead, route })
    },
    onUnused: (queue: MemoryQueue): void => {
      if (queue.definition.autoDelete) this.deleteQueue(queue.name)
    },
  }
}

function refuseOther(what: string, existing: Exchange | Queue, wanted: Exchange | Queue): void {
  for (const [trait, value] of Object.entries(wanted)) {
    const found = (existing as unknown as Record<string, unknown>)[trait]
    if (isDeepStrictEqual(found, value)) continue
    const shown = `${JSON.stringify(found)} where ${JSON.stringify(value)} was asked for`
    throw refusal(what, `it exists with ${trait} ${shown}`)
  }
}

function refusal(what: string, why: string): BrokerError {
  return new BrokerError('DECLARE_REFUSED', `the ${what} cannot be declared: ${why}`)
}
