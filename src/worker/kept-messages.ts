import type { Broker, Delivery } from '../brokers/broker.ts'
import { ToolboxError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { identify } from '../protocol/describe-message.ts'
import type { Message } from '../protocol/message.ts'
import { durableQueue } from '../protocol/topology.ts'

/** The queue where messages that cannot be run wait for a person. */
export function deadLetterQueue(queue: string): string {
  return `dlq.${queue}`
}

/**
 * Keeps what cannot be run: the message goes, byte for byte, to `dlq.<queue>` with headers that say why, and only then
 * leaves its own queue. The queue is declared when the first message needs it; the work queues themselves take no
 * dead-letter argument, because Python declares them without one.
 */
export class KeptMessages {
  readonly #broker: Broker
  readonly #logger: Logger
  readonly #declared = new Set<string>()

  constructor(broker: Broker, logger: Logger) {
    this.#broker = broker
    this.#logger = logger
  }

  async keep(delivery: Delivery, cause: unknown): Promise<void> {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const code = cause instanceof ToolboxError ? cause.code : 'TASK_REJECTED'
    const keptIn = deadLetterQueue(delivery.queue)
    const { id, task } = identify(delivery.message)
    try {
      await this.#send(keptIn, markedMessage(delivery, { code, reason }))
    } catch (error) {
      this.#logger.error(
        { taskId: id, task, queue: delivery.queue, err: error },
        'cannot keep a message, giving it back',
      )
      await delivery.requeue()
      return
    }
    await delivery.ack()
    this.#logger.error(
      { taskId: id, task, queue: delivery.queue, code, reason, keptIn },
      'kept a message that cannot be run',
    )
  }

  async #send(queue: string, message: Message): Promise<void> {
    if (!this.#declared.has(queue)) {
      await this.#broker.declare({ exchanges: [], queues: [durableQueue(queue)], bindings: [] })
      this.#declared.add(queue)
    }
    await this.#broker.publish(message, { exchange: '', routingKey: queue }, { mandatory: true })
  }
}

function markedMessage(
  delivery: Delivery,
  { code, reason }: { readonly code: string; readonly reason: string },
): Message {
  const { message, route } = delivery
  // It must wait for a person, so it does not expire.
  const { expiration: _expiration, ...properties } = message.properties
  return {
    body: message.body,
    properties: { ...properties, deliveryMode: 2 },
    headers: {
      ...message.headers,
      'x-dlq-code': code,
      'x-dlq-reason': reason,
      'x-dlq-queue': delivery.queue,
      'x-dlq-exchange': route.exchange,
      'x-dlq-routing-key': route.routingKey,
      'x-dlq-time': new Date().toISOString(),
    },
  }
}
