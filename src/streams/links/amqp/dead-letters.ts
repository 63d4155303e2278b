import type { Broker, Delivery } from '../../../brokers/broker.ts'
import { ToolboxError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Message } from '../../../protocol/message.ts'
import { durableQueue } from '../../../protocol/topology.ts'

/**
 * Keeps messages that a block cannot work on in `dlq.<queue>`, byte for byte, with the headers that the worker's dead
 * letters have; a message leaves its queue once it is there.
 */
export class DeadLetters {
  readonly #broker: Broker
  readonly #log: Logger
  readonly #declared = new Set<string>()

  constructor(broker: Broker, log: Logger) {
    this.#broker = broker
    this.#log = log
  }

  async keep(delivery: Delivery, cause: Error): Promise<void> {
    const keptIn = `dlq.${delivery.queue}`
    try {
      await this.#send(keptIn, marked(delivery, cause))
    } catch (error) {
      this.#log.error({ err: error, queue: keptIn }, 'dead letter cannot be kept, giving it back')
      await delivery.requeue()
      return
    }
    await delivery.ack()
  }

  async #send(queue: string, message: Message): Promise<void> {
    if (!this.#declared.has(queue)) {
      await this.#broker.declare({ exchanges: [], queues: [durableQueue(queue)], bindings: [] })
      this.#declared.add(queue)
    }
    await this.#broker.publish(message, { exchange: '', routingKey: queue }, { mandatory: true })
  }
}

function marked({ message, queue, route }: Delivery, cause: Error): Message {
  // It waits for a person, so it does not expire.
  const { expiration: _expiration, ...properties } = message.properties
  return {
    body: message.body,
    properties: { ...properties, deliveryMode: 2 },
    headers: {
      ...message.headers,
      'x-dlq-code': cause instanceof ToolboxError ? cause.code : 'STREAM_MESSAGE_FAILED',
      'x-dlq-reason': cause.message,
      'x-dlq-queue': queue,
      'x-dlq-exchange': route.exchange,
      'x-dlq-routing-key': route.routingKey,
      'x-dlq-time': new Date().toISOString(),
    },
  }
}
