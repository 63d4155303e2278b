import type { Topology } from '../protocol/routing/topology.ts'
import type { Broker } from './broker.ts'

/**
 * Publishes what others have published before, such as a replay. Where exchanges are kept by the process that publishes (SQS),
 * this one must know all queues, or the message would reach none of them, or the mirror alone; what is known costs no call.
 */
export function declaredPublisher(
  broker: Broker,
  topology: () => Topology,
): Pick<Broker, 'publish'> {
  if (broker.features.exchanges) return broker
  return {
    publish: async (message, route, options) => {
      await broker.declare(topology())
      await broker.publish(message, route, options)
    },
  }
}
