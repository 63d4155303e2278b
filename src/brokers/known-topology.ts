import type {
  Binding,
  Exchange,
  ExchangeBinding,
  Queue,
  Topology,
} from '../protocol/routing/topology.ts'

/** What was declared through a broker, so that it can be declared again after a loss. */
export class KnownTopology implements Topology {
  readonly #exchanges = new Map<string, Exchange>()
  readonly #queues = new Map<string, Queue>()
  readonly #bindings = new Map<string, Binding>()
  readonly #exchangeBindings = new Map<string, ExchangeBinding>()

  get exchanges(): readonly Exchange[] {
    return [...this.#exchanges.values()]
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()]
  }

  get bindings(): readonly Binding[] {
    return [...this.#bindings.values()]
  }

  get exchangeBindings(): readonly ExchangeBinding[] {
    return [...this.#exchangeBindings.values()]
  }

  addExchange(exchange: Exchange): void {
    this.#exchanges.set(exchange.name, exchange)
  }

  addQueue(queue: Queue): void {
    this.#queues.set(queue.name, queue)
  }

  addBinding(binding: Binding): void {
    const { exchange, queue, routingKey } = binding
    this.#bindings.set(JSON.stringify([exchange, queue, routingKey]), binding)
  }

  addExchangeBinding(binding: ExchangeBinding): void {
    const { source, destination, routingKey } = binding
    this.#exchangeBindings.set(JSON.stringify([source, destination, routingKey]), binding)
  }

  /** What it takes to bring this one queue back; undefined where it was not declared here. */
  around(queue: string): Topology | undefined {
    const known = this.#queues.get(queue)
    if (known === undefined) return undefined
    const bindings = this.bindings.filter((binding) => binding.queue === queue)
    const exchanges = this.exchanges.filter(({ name }) =>
      bindings.some((binding) => binding.exchange === name),
    )
    return { exchanges, queues: [known], bindings }
  }
}
