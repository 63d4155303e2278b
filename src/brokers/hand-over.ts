import type { Logger } from '../logger.ts'
import type { Delivery } from './broker.ts'

/** Hands a delivery to its consumer. One that throws leaves it unsettled, which is logged; the consumer gets the next ones. */
export function handOver(
  delivery: Delivery,
  onDelivery: (delivery: Delivery) => void,
  { queue, log }: { readonly queue: string; readonly log: Logger },
): void {
  try {
    onDelivery(delivery)
  } catch (error) {
    log.error({ queue, err: error }, 'consumer threw, its delivery is unsettled')
  }
}
