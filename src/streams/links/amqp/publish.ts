import { unlessAborted } from '../../../async/aborted.ts'
import type { Broker } from '../../../brokers/broker.ts'
import { BrokerError, ConfigurationError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import {
  durableExchange,
  durableQueue,
  type ExchangeType,
} from '../../../protocol/routing/topology.ts'
import { type Codec, codecOf } from '../../codecs/codec.ts'
import { LinkPublisher, type PublishContext } from '../../parts/publisher.ts'
import { type AmqpApp, brokerOf, checkApp } from './app.ts'

interface ExchangeTarget {
  readonly exchange: string
  readonly routingKey?: string | ((message: never) => string)
  /** Declares the exchange, too. */
  readonly exchangeType?: ExchangeType
}

interface AmqpPublishOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** Arguments the queue is declared with: those it exists with. */
  readonly arguments?: Readonly<Record<string, unknown>>
  /** A RabbitMQ stream: it keeps what was read. */
  readonly stream?: boolean
}

const IN_FLIGHT = 256

/** Results to a queue or an exchange, confirmed by the broker; while it is away they wait. */
export function publish(
  app: AmqpApp,
  target: string | ExchangeTarget,
  options: AmqpPublishOptions = {},
): LinkPublisher {
  checkApp('publish', app)
  checkTarget(target)
  const name = typeof target === 'string' ? target : target.exchange
  const codec = codecOf(options.codec, `amqp publish ${name}`)
  return new LinkPublisher(`amqp ${name}`, async ({ log, signal }) => {
    const { broker, close } = await brokerOf(app, log)
    try {
      await unlessAborted(signal, declare(broker, target, options))
    } catch (error) {
      await close()
      throw error
    }
    return {
      inFlight: IN_FLIGHT,
      publish: (message, context) =>
        confirmed(
          broker,
          { message: messageOf(codec, message, context), route: routeOf(target, message) },
          { log, signal },
        ),
      close,
    }
  })
}

interface Confirming {
  readonly message: Message
  readonly route: Route
}

/** Not before the broker has it: an outage is waited for, a refusal is an error. */
async function confirmed(
  broker: Broker,
  { message, route }: Confirming,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (;;) {
    try {
      await broker.publish(message, route, {
        mandatory: route.exchange === '',
        deadlineMs: PATIENCE_MS,
      })
      return
    } catch (error) {
      const isAway = error instanceof BrokerError && AWAY.has(error.code)
      if (!isAway || signal.aborted) throw error
      log.warn({ err: error, ...route }, 'broker unavailable, publishing again')
    }
  }
}

/** Long, so that the broker keeps the order of what waits for it. */
const PATIENCE_MS = 3_600_000
const AWAY: ReadonlySet<string> = new Set(['PUBLISH_UNCONFIRMED', 'BROKER_UNREACHABLE'])

async function declare(
  broker: Broker,
  target: string | ExchangeTarget,
  { arguments: extra, stream }: AmqpPublishOptions,
): Promise<void> {
  const kind = stream === true ? { 'x-queue-type': 'stream' } : {}
  const isQueue = typeof target === 'string'
  await broker.declare({
    queues: isQueue ? [durableQueue(target, { ...kind, ...extra })] : [],
    exchanges:
      isQueue || target.exchangeType === undefined
        ? []
        : [durableExchange(target.exchange, target.exchangeType)],
    bindings: [],
  })
}

function messageOf(codec: Codec, message: unknown, { headers }: PublishContext): Message {
  const body = codec.encode(message)
  return {
    headers,
    properties: {
      deliveryMode: 2,
      ...(codec.contentType !== undefined && { contentType: codec.contentType }),
    },
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
  }
}

function routeOf(target: string | ExchangeTarget, message: unknown): Route {
  if (typeof target === 'string') return { exchange: '', routingKey: target }
  const { exchange, routingKey = '' } = target
  return {
    exchange,
    routingKey: typeof routingKey === 'string' ? routingKey : routingKey(message as never),
  }
}

function checkTarget(target: unknown): void {
  const isTarget =
    (typeof target === 'string' && target !== '') ||
    (typeof target === 'object' && target !== null && 'exchange' in target)
  if (isTarget) return
  throw new ConfigurationError(
    `amqp publish: the target is ${JSON.stringify(target)}, expected a queue or { exchange, routingKey }`,
  )
}
