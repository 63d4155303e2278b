import type { Broker, QueueDepth } from '../../brokers/broker.ts'
import { BrokerError } from '../../errors.ts'

/** How a queue was found, and since when it has been so without a break. */
export interface ObservedQueue {
  readonly messages: number
  /** Null where the broker does not count them. */
  readonly consumers: number | null
  /** Null while messages wait in it. */
  readonly emptySinceMs: number | null
  /** Null while it has no consumer. */
  readonly consumedSinceMs: number | null
}

/** What the broker says of queues, look after look: a queue is empty for as long as every look found it so. */
export class ObservedQueues {
  readonly #broker: Pick<Broker, 'depth'>
  readonly #nowMs: () => number
  #known = new Map<string, ObservedQueue>()

  constructor(broker: Pick<Broker, 'depth'>, nowMs: () => number = Date.now) {
    this.#broker = broker
    this.#nowMs = nowMs
  }

  get(queue: string): ObservedQueue | undefined {
    return this.#known.get(queue)
  }

  /** A look that fails breaks what was observed before: the queue's state meanwhile is unknown. */
  async look(queues: Iterable<string>): Promise<void> {
    const before = this.#known
    const seen = new Map<string, ObservedQueue>()
    this.#known = new Map()
    for (const queue of queues) {
      const depth = await this.#depthOf(queue)
      const nowMs = this.#nowMs()
      const last = before.get(queue)
      seen.set(queue, {
        ...depth,
        emptySinceMs: heldIn(depth) > 0 ? null : (last?.emptySinceMs ?? nowMs),
        consumedSinceMs: depth.consumers === 0 ? null : (last?.consumedSinceMs ?? nowMs),
      })
    }
    this.#known = seen
  }

  /** A queue that is not there holds nothing. */
  async #depthOf(queue: string): Promise<QueueDepth> {
    try {
      return await this.#broker.depth(queue)
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'QUEUE_MISSING') {
        return { messages: 0, consumers: 0 }
      }
      throw error
    }
  }
}

/** Where the broker counts them, delayed messages and those that are in flight count, too. */
function heldIn({ messages, delayed = 0, inFlight = 0 }: QueueDepth): number {
  return messages + delayed + inFlight
}
