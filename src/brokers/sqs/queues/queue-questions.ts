import { BrokerError } from '../../../errors.ts'
import type { QueueDepth } from '../../broker.ts'
import { queueMissing } from '../../broker-errors.ts'
import { failureOf, reasonOf } from '../connecting/server-errors.ts'
import type { SqsApi } from '../connecting/sqs-api.ts'
import type { SqsQueues } from './queues.ts'

interface QueueQuestionsParts {
  readonly api: SqsApi
  readonly queues: SqsQueues
  readonly safeUrl: string
}

/** Asks for single queues, and says why one cannot be asked. */
export class QueueQuestions {
  readonly #parts: QueueQuestionsParts

  constructor(parts: QueueQuestionsParts) {
    this.#parts = parts
  }

  async depth(queue: string): Promise<QueueDepth> {
    const { api, queues } = this.#parts
    const place = await queues.place(queue)
    const { Attributes = {} } = await this.asked(queue, () =>
      api.call({
        queue: place.predefined,
        make: (sqs, options) =>
          sqs.getQueueAttributes(
            {
              QueueUrl: place.url,
              AttributeNames: [
                'ApproximateNumberOfMessages',
                'ApproximateNumberOfMessagesDelayed',
                'ApproximateNumberOfMessagesNotVisible',
              ],
            },
            options,
          ),
      }),
    )
    return {
      messages: Number(Attributes.ApproximateNumberOfMessages ?? 0),
      consumers: null,
      delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
      inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
    }
  }

  /** SQS deletes them within a minute, and gives no number: this is how many waited just before. */
  async purge(queue: string): Promise<number> {
    const { api, queues } = this.#parts
    const { messages } = await this.depth(queue)
    const place = await queues.place(queue)
    await this.asked(queue, () =>
      api.call({
        queue: place.predefined,
        make: (sqs, options) => sqs.purgeQueue({ QueueUrl: place.url }, options),
      }),
    )
    return messages
  }

  async asked<Answer>(queue: string, ask: () => Promise<Answer>): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      throw this.#explained(queue, error)
    }
  }

  #explained(queue: string, error: unknown): unknown {
    const { queues, safeUrl } = this.#parts
    if (error instanceof BrokerError) return error
    if (failureOf(error) === 'missing') {
      queues.forget(queue)
      return queueMissing(queue, safeUrl, error)
    }
    return new BrokerError(
      'BROKER_UNREACHABLE',
      `the queue "${queue}" on ${safeUrl} cannot be queried: ${reasonOf(error)}`,
      { cause: error },
    )
  }
}
