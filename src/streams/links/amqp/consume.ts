import { aborted, unlessAborted } from '../../../async/aborted.ts'
import type { Broker, Delivery, Subscription } from '../../../brokers/broker.ts'
import { DeadLetters } from '../../../brokers/dead-letters/dead-letters.ts'
import { ConfigurationError } from '../../../errors.ts'
import {
  durableExchange,
  durableQueue,
  type ExchangeType,
} from '../../../protocol/routing/topology.ts'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { type Inlet, LinkListener } from '../../parts/listener.ts'
import type { Settlement } from '../../parts/received.ts'
import { readMessage } from '../read-message.ts'
import { type AmqpApp, brokerOf, checkApp } from './app.ts'

interface AmqpConsumeOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** The most deliveries that are not settled. Default: the limit of the block's queue. */
  readonly prefetch?: number
  /** Binds the queue to this exchange. */
  readonly exchange?: string
  /** Default '#'. */
  readonly routingKey?: string
  /** Declares the exchange, too. */
  readonly exchangeType?: ExchangeType
  /** A RabbitMQ stream, read from here: first, last, next, an offset, or a time. */
  readonly stream?: { readonly offset?: 'first' | 'last' | 'next' | number | Date }
  /** Arguments the queue is declared with: those it exists with. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** Messages of a queue: acknowledged after publishing, back in the queue where the block stops before. */
export function consume(
  app: AmqpApp,
  queue: string,
  options: AmqpConsumeOptions = {},
): LinkListener {
  checkApp('consume', app)
  if (typeof queue !== 'string' || queue === '') {
    throw new ConfigurationError(
      `amqp consume: expected the name of a queue, found ${JSON.stringify(queue)}`,
    )
  }
  const codec = codecOf(options.codec, `amqp consume ${queue}`)
  return new LinkListener(`amqp ${queue}`, (inlet) => run(inlet, { app, queue, options, codec }))
}

interface ConsumeParts {
  readonly app: AmqpApp
  readonly queue: string
  readonly options: AmqpConsumeOptions
  readonly codec: Codec
}

async function run(inlet: Inlet, parts: ConsumeParts): Promise<void> {
  const { broker, close } = await brokerOf(parts.app, inlet.log)
  inlet.defer(close)
  const { dead, subscription } = await unlessAborted(inlet.signal, open(inlet, broker, parts))
  inlet.ready()
  await aborted(inlet.signal)
  dead.stop()
  await subscription.pause()
}

async function open(
  inlet: Inlet,
  broker: Broker,
  { queue, options, codec }: ConsumeParts,
): Promise<{ readonly dead: DeadLetters; readonly subscription: Subscription }> {
  await declare(broker, queue, options)
  const dead = new DeadLetters({
    broker,
    logger: inlet.log,
    code: 'STREAM_MESSAGE_FAILED',
    onHeld: (_queue, isHeld) => {
      // A stream that is consumed again is read from its offset again: there the prefetch alone holds it back.
      if (options.stream === undefined) void hold(subscribing, isHeld, inlet)
    },
  })
  const subscribing = broker.consume(
    queue,
    {
      prefetch: options.prefetch ?? inlet.limit,
      ...streamArguments(options),
    },
    (delivery) => {
      const { headers, body } = delivery.message
      const settlement = settlementOf(delivery, dead)
      // As many as the queue has places are under way, so none waits here for long.
      void inlet.put(
        readMessage(codec, body, { headers, settlement, isRepeated: delivery.redelivered }),
      )
    },
  )
  const subscription = await subscribing
  // Open until the last delivery is settled.
  inlet.defer(() => subscription.close())
  return { dead, subscription }
}

async function hold(
  subscribing: Promise<Subscription>,
  isHeld: boolean,
  { signal, log }: Inlet,
): Promise<void> {
  try {
    const subscription = await subscribing
    if (isHeld) await subscription.pause()
    else if (!signal.aborted) await subscription.resume()
  } catch (error) {
    log.warn({ err: error }, 'consumer cannot be paused or resumed')
  }
}

async function declare(
  broker: Broker,
  queue: string,
  { exchange, exchangeType, routingKey = '#', stream, arguments: extra }: AmqpConsumeOptions,
): Promise<void> {
  const kind = stream === undefined ? {} : { 'x-queue-type': 'stream' }
  await broker.declare({
    exchanges:
      exchange === undefined || exchangeType === undefined
        ? []
        : [durableExchange(exchange, exchangeType)],
    queues: [durableQueue(queue, { ...kind, ...extra })],
    bindings: exchange === undefined ? [] : [{ exchange, queue, routingKey }],
  })
}

function streamArguments({ stream }: AmqpConsumeOptions): { arguments?: Record<string, unknown> } {
  if (stream === undefined) return {}
  const { offset = 'first' } = stream
  return { arguments: { 'x-stream-offset': offset } }
}

function settlementOf(delivery: Delivery, dead: DeadLetters): Settlement {
  return {
    ack: () => delivery.ack(),
    giveBack: () => delivery.requeue(),
    reject: async (cause) => {
      await dead.keep(delivery, cause)
    },
  }
}
