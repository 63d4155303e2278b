import type { Route } from '../../../protocol/message.ts'
import { bindingTakes, type ExchangeType } from '../../../protocol/routing/topology.ts'
import type { KnownTopology } from '../../known-topology.ts'

/** One queue that a message goes to. */
export interface Target {
  readonly queue: string
  /** It is bound to everything: its copy is the record, and is sent before all others. */
  readonly isMirror: boolean
}

const KEPT_ROUTES = 1_000
const EVERYTHING = '#'

/** The exchanges, which SQS does not have: each producer knows them by what was declared through it, as in kombu. */
export class Routing {
  readonly #known: KnownTopology
  readonly #routes = new Map<string, readonly Target[]>()

  constructor(known: KnownTopology) {
    this.#known = known
  }

  /** Something was declared. */
  forget(): void {
    this.#routes.clear()
  }

  /** Undefined where the exchange was not declared here. */
  targets(route: Route): readonly Target[] | undefined {
    if (route.exchange === '') {
      return [{ queue: route.routingKey, isMirror: this.#isMirror(route.routingKey) }]
    }
    const key = JSON.stringify([route.exchange, route.routingKey])
    const remembered = this.#routes.get(key)
    if (remembered !== undefined) return remembered
    if (this.#typeOf(route.exchange) === undefined) return undefined
    const targets = this.#matching(route)
    if (this.#routes.size >= KEPT_ROUTES) this.#routes.clear()
    this.#routes.set(key, targets)
    return targets
  }

  /** The mirror first: nothing runs unrecorded. */
  #matching({ exchange, routingKey }: Route): readonly Target[] {
    const passed = this.#passed(exchange, routingKey)
    const taking = this.#known.bindings.filter((binding) => {
      const type = passed.get(binding.exchange)
      return type !== undefined && bindingTakes(type, binding, routingKey)
    })
    const queues = [...new Set(taking.map(({ queue }) => queue))]
    const targets = queues.map((queue) => ({ queue, isMirror: this.#isMirror(queue) }))
    return targets.sort((one, other) => Number(other.isMirror) - Number(one.isMirror))
  }

  /** The exchange and those bound behind it that this key comes to. */
  #passed(exchange: string, routingKey: string): ReadonlyMap<string, ExchangeType> {
    const passed = new Map<string, ExchangeType>()
    const next = [exchange]
    for (const name of next) {
      const type = this.#typeOf(name)
      if (type === undefined || passed.has(name)) continue
      passed.set(name, type)
      for (const binding of this.#known.exchangeBindings) {
        if (binding.source === name && bindingTakes(type, binding, routingKey)) {
          next.push(binding.destination)
        }
      }
    }
    return passed
  }

  #isMirror(queue: string): boolean {
    return this.#known.bindings.some(
      (binding) => binding.queue === queue && binding.routingKey === EVERYTHING,
    )
  }

  #typeOf(exchange: string): ExchangeType | undefined {
    return this.#known.exchanges.find(({ name }) => name === exchange)?.type
  }
}
