import type { Broker, QueueDepth } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import { codeOf } from './failure.ts'

/** A queue of the config, and how it is on the broker; null where it is not declared yet. */
export interface QueueState {
  readonly name: string
  readonly messages: number | null
  readonly consumers: number | null
  /** Kept back for later; null where the broker does not tell, as are the next two. */
  readonly delayed: number | null
  readonly inFlight: number | null
  readonly oldestMs: number | null
  readonly exchange: string
  readonly routingKey: string
  readonly isPlatform: boolean
}

export async function queueStates(config: Config, broker: Broker): Promise<readonly QueueState[]> {
  const { queues, bindings } = config.topology()
  return await Promise.all(
    queues.map(async ({ name }) => {
      const binding = bindings.find(({ queue }) => queue === name)
      const depth = await depthOf(broker, name)
      return {
        name,
        messages: depth?.messages ?? null,
        consumers: depth?.consumers ?? null,
        delayed: depth?.delayed ?? null,
        inFlight: depth?.inFlight ?? null,
        oldestMs: depth?.oldestMs ?? null,
        exchange: binding?.exchange ?? '',
        routingKey: binding?.routingKey ?? '',
        isPlatform: name === config.platformQueue,
      }
    }),
  )
}

/** Undefined where there is no such queue. */
export async function depthOf(broker: Broker, queue: string): Promise<QueueDepth | undefined> {
  try {
    return await broker.depth(queue)
  } catch (error) {
    if (codeOf(error) === 'QUEUE_MISSING') return undefined
    throw error
  }
}
