import type { Broker, Delivery } from '../../brokers/broker.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import type { Logger } from '../../logger.ts'

interface PulledQueuesParts {
  readonly broker: Pick<Broker, 'get'>
  readonly queues: () => readonly string[]
  /** How many more jobs could start now. */
  readonly freeSlots: () => number
  /** Whether nothing is to be taken from the queue for now. */
  readonly isHeld: (queue: string) => boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly logger: Logger
}

/** How often empty queues are asked again. */
const LOOK_MS = 250

/**
 * worker_disable_prefetch: a message is taken only when there is a free slot for it. The queues are asked in turn; `wake()`
 * when a slot is free again.
 */
export function pulledQueues(parts: PulledQueuesParts): Periodic {
  return periodic(async (signal) => pull(parts, signal), {
    name: 'taking messages one by one',
    everyMs: LOOK_MS,
    logger: parts.logger,
  })
}

/** Until no slot is free, or all queues are empty. */
async function pull(parts: PulledQueuesParts, signal: AbortSignal): Promise<void> {
  const { broker, queues, freeSlots, isHeld, onDelivery } = parts
  let isFound = true
  while (isFound) {
    isFound = false
    for (const queue of queues().filter((candidate) => !isHeld(candidate))) {
      if (signal.aborted || freeSlots() <= 0) return
      const delivery = await broker.get(queue)
      if (delivery === undefined) continue
      isFound = true
      onDelivery(delivery)
    }
  }
}
