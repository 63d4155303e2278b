import type { Broker, Delivery } from '../../brokers/broker.ts'
import type { Logger } from '../../logger.ts'
import { durableQueue } from '../../protocol/topology.ts'

/** The queue for messages that the database takes in no form, not even into its quarantine. */
export function lastResortQueue(platformQueue: string): string {
  return `dlq.${platformQueue}`
}

/** Moves them there. One that cannot be moved stays unacked: the broker has it, and delivers it after a restart. */
export async function moveAside(
  broker: Broker,
  delivery: Delivery,
  { queue, logger }: { readonly queue: string; readonly logger: Logger },
): Promise<void> {
  const target = lastResortQueue(queue)
  try {
    await broker.declare({ exchanges: [], queues: [durableQueue(target)], bindings: [] })
    await broker.publish(
      delivery.message,
      { exchange: '', routingKey: target },
      { mandatory: true },
    )
    await delivery.ack()
    logger.error({ queue: target }, 'a message that the database refuses was moved to a queue')
  } catch (cause) {
    logger.error({ queue: target, cause }, 'a message that the database refuses stays unacked')
  }
}
