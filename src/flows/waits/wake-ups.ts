import type { Broker } from '../../brokers/broker.ts'
import { DelayedQueue, type DelayedQueueOptions } from '../../schedule/delayed-queue.ts'
import type { Job } from '../board/job.ts'

export interface WakeUpsOptions {
  /** The name of the board: each has a queue of its own. */
  readonly board: string
  /** Of RabbitMQ's delay queues, which all who share a virtual host declare alike. Default quorum, as Celery's. */
  readonly queueType?: DelayedQueueOptions['queueType']
  /** Where wake-ups wait instead of with the broker: `await app.vault()`, whose dispatchers publish them. */
  readonly vault?: DelayedQueueOptions['vault']
}

/**
 * Wakes conductors by a broker that keeps messages back: RabbitMQ's delay queues, or Amazon SQS. For each job that waits for a
 * moment a message is with the broker, or in the vault, which comes to one conductor then. The board decides whether the job
 * is due.
 */
export class WakeUps {
  readonly #queue: DelayedQueue

  constructor(broker: Broker, { board, queueType, vault }: WakeUpsOptions) {
    this.#queue = new DelayedQueue(broker, {
      name: `flows.${encodeURIComponent(board)}`,
      ...(queueType !== undefined && { queueType }),
      ...(vault !== undefined && { vault }),
    })
  }

  async ask({ uuid, flowId }: Pick<Job, 'uuid' | 'flowId'>, dueAt: number): Promise<void> {
    await this.#queue.send({ job: uuid, flow: flowId }, dueAt, `wake-up of ${uuid}`)
  }

  /** `onDue` answers false where there is no room: another conductor is woken then. */
  async listen(onDue: () => boolean): Promise<() => Promise<void>> {
    const subscription = await this.#queue.consume(async (delivery) => {
      if (onDue()) await delivery.ack()
      else await delivery.requeue({ delayMs: WHILE_FULL_MS })
    })
    return async () => await subscription.close()
  }
}

const WHILE_FULL_MS = 1_000
