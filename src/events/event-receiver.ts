import { randomUUID } from 'node:crypto'
import type { Broker, Delivery, Subscription } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import { takesTurns } from '../protocol/body-in-turn.ts'
import { type ReadEvents, readEvents, readEventsInTurn } from '../protocol/events/decode-events.ts'
import type { CeleryEvent } from '../protocol/events/events.ts'
import { durableExchange, type Queue, type Topology } from '../protocol/routing/topology.ts'

/** The settings of a `Config` that shape a receiver's queue. */
type ReceiverSettings = Pick<
  Config,
  | 'event_exchange'
  | 'event_queue_durable'
  | 'event_queue_expires'
  | 'event_queue_prefix'
  | 'event_queue_ttl'
>

interface EventReceiverParts {
  readonly broker: Broker
  readonly settings: ReceiverSettings
  readonly logger: Logger
  /** In the order in which they come. */
  readonly onEvent: (event: CeleryEvent) => void
  /** Which: default all, "#". */
  readonly routingKey?: string
}

const AT_A_TIME = 1_000

/** Receives the events of workers and clients, as Celery's `app.events.Receiver`; misses those sent while it is away. */
export class EventReceiver {
  readonly #parts: EventReceiverParts
  #subscription: Subscription | undefined

  constructor(parts: EventReceiverParts) {
    this.#parts = parts
  }

  /** On a broker that carries events. Throws `BrokerError`. */
  async start(): Promise<void> {
    const { broker, settings, routingKey = '#' } = this.#parts
    const queue = eventQueue(settings)
    await broker.declare(topologyOf(queue, settings.event_exchange, routingKey))
    this.#subscription = await broker.consume(queue.name, { prefetch: AT_A_TIME }, (delivery) =>
      this.#receive(delivery),
    )
  }

  async close(): Promise<void> {
    await this.#subscription?.close()
  }

  #receive(delivery: Delivery): void {
    const { logger } = this.#parts
    const { message } = delivery
    delivery.ack().catch((error: unknown) => {
      logger.debug({ err: error }, 'a message of events was not acknowledged')
    })
    if (takesTurns(message)) void readEventsInTurn(message).then((read) => this.#hear(read))
    else this.#hear(readEvents(message))
  }

  #hear({ events, problem }: ReadEvents): void {
    const { logger, onEvent } = this.#parts
    if (problem !== null) logger.warn({ err: problem }, 'an event cannot be read')
    for (const event of events) onEvent(event)
  }
}

/** Its reader's alone, as newer RabbitMQ refuses queues that are neither durable nor exclusive. */
function eventQueue(settings: ReceiverSettings): Queue {
  const { event_queue_durable: durable } = settings
  return {
    name: `${settings.event_queue_prefix}.${randomUUID()}`,
    durable,
    exclusive: !durable,
    autoDelete: !durable,
    arguments: {
      ...milliseconds('x-expires', settings.event_queue_expires),
      ...milliseconds('x-message-ttl', settings.event_queue_ttl),
    },
  }
}

function milliseconds(name: string, seconds: number | null): Readonly<Record<string, number>> {
  return seconds === null ? {} : { [name]: Math.trunc(seconds * 1_000) }
}

function topologyOf(queue: Queue, exchange: string, routingKey: string): Topology {
  return {
    exchanges: [durableExchange(exchange, 'topic')],
    queues: [queue],
    bindings: [{ exchange, queue: queue.name, routingKey }],
  }
}
