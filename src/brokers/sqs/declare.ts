import type { Topology } from '../../protocol/routing/topology.ts'
import type { KnownTopology } from '../known-topology.ts'
import type { SqsQueues } from './queues/queues.ts'

/**
 * Declares every queue, then throws the first refusal. Exchanges and bindings are remembered in this process: SQS has none.
 */
export async function declareOn(
  queues: SqsQueues,
  topology: Topology,
  known: KnownTopology,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    topology.queues.map(async (queue) => {
      await queues.declare(queue)
      known.addQueue(queue)
    }),
  )
  const refusal = outcomes.find(({ status }) => status === 'rejected')
  if (refusal?.status === 'rejected') throw refusal.reason
  for (const exchange of topology.exchanges) known.addExchange(exchange)
  for (const binding of topology.bindings) known.addBinding(binding)
  for (const binding of topology.exchangeBindings ?? []) known.addExchangeBinding(binding)
}
