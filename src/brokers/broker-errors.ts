import { BrokerError, PartlyPublishedError } from '../errors.ts'
import type { Route } from '../protocol/message.ts'
import type { PublishOptions } from './broker.ts'
import type { BrokerFeatures } from './features.ts'

/** The errors that every broker words alike. */

export function brokerClosed(safeUrl: string): BrokerError {
  return new BrokerError('BROKER_CLOSED', `the broker ${safeUrl} was used after close()`)
}

export function queueMissing(queue: string, safeUrl: string, cause?: unknown): BrokerError {
  return new BrokerError(
    'QUEUE_MISSING',
    `the queue "${queue}" does not exist on ${safeUrl}; declare it first`,
    { cause },
  )
}

export function messageUnroutable(route: Route, safeUrl: string): BrokerError {
  return new BrokerError(
    'MESSAGE_UNROUTABLE',
    `no queue takes a message published to ${routeText(route)} on ${safeUrl}`,
  )
}

interface WhyRefused {
  readonly reason: string
  readonly cause?: unknown
}

export function publishRefused(route: Route, safeUrl: string, why: WhyRefused): BrokerError {
  return new BrokerError('PUBLISH_REFUSED', refusedText(route, safeUrl, why), { cause: why.cause })
}

/** Of a message that has no form on its broker, or is too large for it: no later try will do better. */
export function messageUnwritable(route: Route, safeUrl: string, why: WhyRefused): BrokerError {
  return new UnwritableMessage(refusedText(route, safeUrl, why), { cause: why.cause })
}

class UnwritableMessage extends BrokerError {
  constructor(message: string, options: ErrorOptions) {
    super('PUBLISH_REFUSED', message, options)
    this.name = 'BrokerError'
  }
}

function refusedText(route: Route, safeUrl: string, { reason }: WhyRefused): string {
  return `the message for ${routeText(route)} on ${safeUrl} was refused: ${reason}`
}

/** A broker that is away, or lacks something, may take the message later. */
export function mayTakeLater(error: unknown): error is BrokerError {
  if (error instanceof PartlyPublishedError) return mayTakeLater(error.cause)
  return error instanceof BrokerError && !(error instanceof UnwritableMessage)
}

export function deliverySettled(queue: string): BrokerError {
  return new BrokerError(
    'DELIVERY_SETTLED',
    `a delivery from the queue "${queue}" was settled twice; expected one ack, requeue or reject`,
  )
}

export function routeText(route: Route): string {
  const exchange = route.exchange === '' ? 'the default exchange' : `exchange "${route.exchange}"`
  return `${exchange} with routing key "${route.routingKey}"`
}

/** The reason to refuse a publish with an option that this broker would ignore; undefined where it supports all of them. */
export function unsupportedOption(
  { delayMs = 0, groupKey, dedupKey }: PublishOptions,
  features: BrokerFeatures,
): string | undefined {
  if (delayMs > features.longestDelayMs) {
    return `delayMs is ${delayMs}, and the longest delay here is ${features.longestDelayMs} ms`
  }
  if (groupKey !== undefined && !features.groups) return 'groupKey has no effect here'
  return dedupKey !== undefined && !features.deduplication
    ? 'dedupKey has no effect here'
    : undefined
}
