import type { Topology } from '../../protocol/routing/topology.ts'
import type { KnownTopology } from '../known-topology.ts'
import type { MemorySpace } from './server/memory-space.ts'

interface Declarer {
  readonly connection: object
  /** Remembers what was declared. */
  readonly known: KnownTopology
}

/** Declares every part, then throws the first refusal. */
export function declareIn(
  space: MemorySpace,
  topology: Topology,
  { connection, known }: Declarer,
): void {
  const refusals = [
    ...refusalsOf(topology.exchanges, (exchange) => {
      space.declareExchange(exchange)
      known.addExchange(exchange)
    }),
    ...refusalsOf(topology.queues, (queue) => {
      space.declareQueue(queue, connection)
      known.addQueue(queue)
    }),
    ...refusalsOf(topology.bindings, (binding) => {
      space.bind(binding)
      known.addBinding(binding)
    }),
    ...refusalsOf(topology.exchangeBindings ?? [], (binding) => {
      space.bindExchange(binding)
      known.addExchangeBinding(binding)
    }),
  ]
  if (refusals.length > 0) throw refusals[0]
}

function refusalsOf<T>(parts: readonly T[], declare: (part: T) => void): unknown[] {
  return parts.flatMap((part) => {
    try {
      declare(part)
      return []
    } catch (cause) {
      return [cause]
    }
  })
}
