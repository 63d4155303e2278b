import type { Message as AmqpMessage, ConfirmChannel, Options } from 'amqplib'
import { BrokerError } from '../../../errors.ts'
import type { Message, Route } from '../../../protocol/message.ts'
import { publishRefused, routeText } from '../../broker-errors.ts'
import { serverText } from '../connecting/server-errors.ts'
import { carried } from './carried-headers.ts'

/** A publish that the broker has not confirmed yet. */
export interface Outgoing {
  readonly message: Message
  readonly route: Route
  readonly mandatory: boolean
  readonly deadlineMs: number
  /** When it was handed over, on the clock of `performance.now()`. */
  readonly addedAt: number
  /** Its confirm is due then: counted from when it was written to the socket, so Infinity until it is. */
  overdueAt: number
  readonly settle: (error?: BrokerError) => void
  /** The broker sent it back: no queue takes it. Its confirm follows. */
  isReturned: boolean
  isSettled: boolean
}

/** Hands it to the driver; false where the driver's buffer is full now (it took this one all the same). */
export function send(
  channel: ConfirmChannel,
  { message, route, mandatory }: Outgoing,
  onConfirm: (error: unknown) => void,
): boolean {
  const options = { ...message.properties, headers: carried(message.headers), mandatory }
  return channel.publish(
    route.exchange,
    route.routingKey,
    message.body,
    options as Options.Publish, // exactOptionalPropertyTypes: the driver's own types leave out readonly and null
    onConfirm,
  )
}

/** Whether this is the message that came back; one that is alike in all of this has had the same fate. */
export function isReturnOf(
  { fields, properties, content }: AmqpMessage,
  outgoing: Outgoing,
): boolean {
  const { message, route } = outgoing
  return (
    !outgoing.isReturned &&
    fields.exchange === route.exchange &&
    fields.routingKey === route.routingKey &&
    properties.correlationId === message.properties.correlationId &&
    properties.messageId === message.properties.messageId &&
    message.body.equals(content)
  )
}

export function unconfirmed(
  { route, deadlineMs }: Outgoing,
  where: { readonly safeUrl: string; readonly isConnected: boolean; readonly lastFailure: unknown },
): BrokerError {
  const { safeUrl, isConnected, lastFailure } = where
  const reason = lastFailure === undefined ? '' : `: ${serverText(lastFailure)}`
  if (isConnected) {
    return new BrokerError(
      'PUBLISH_UNCONFIRMED',
      `the message for ${routeText(route)} was not confirmed by ${safeUrl} within ${deadlineMs} ms${reason}`,
      { cause: lastFailure },
    )
  }
  return new BrokerError(
    'BROKER_UNREACHABLE',
    `the message for ${routeText(route)} was not published within ${deadlineMs} ms: no connection to ${safeUrl}${reason}`,
    { cause: lastFailure },
  )
}

export function refusedByServer({ route }: Outgoing, safeUrl: string, cause: unknown): BrokerError {
  return publishRefused(route, safeUrl, { reason: serverText(cause), cause })
}
