import { TransportError } from '../../errors.ts'
import type { SendOptions } from './transport.ts'

/** A message on its way out, as it is published. */
export interface Parcel {
  readonly exchange: string
  readonly routingKey: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  readonly expiration: string | undefined
  /** Milliseconds that it waits first. */
  readonly delayMs: number
  /** A queue is to take it: one that is not there is an error. */
  readonly isMandatory: boolean
}

/** The exchange that keeps messages back: of RabbitMQ's plug-in x-delayed-message. */
const DELAYED = 'delayed'

export function parcelOf(
  target: { kind: 'queue' | 'topic'; name: string; body: string | Uint8Array },
  { headers = {}, delay = 0, expiration, exchange = '' }: SendOptions,
): Parcel {
  const isTopic = target.kind === 'topic'
  const delayMs = isTopic ? 0 : milliseconds(delay, 'delay')
  const isDelayed = delayMs > 0
  const throughExchange = isDelayed ? DELAYED : exchange
  return {
    exchange: isTopic ? target.name : throughExchange,
    routingKey: isTopic ? '' : target.name,
    headers: isDelayed ? { ...headers, 'x-delay': delayMs } : headers,
    body: typeof target.body === 'string' ? Buffer.from(target.body) : Buffer.from(target.body),
    expiration: expirationText(expiration, isTopic),
    delayMs,
    // The plug-in gives back every mandatory message, as it has no queue for it yet.
    isMandatory: !isTopic && !isDelayed,
  }
}

/** As Python: a message to a queue never expires at 0, a broadcast does. */
function expirationText(seconds: number | undefined, isTopic: boolean): string | undefined {
  if (seconds === undefined || (seconds === 0 && !isTopic)) return undefined
  return String(milliseconds(seconds, 'expiration'))
}

function milliseconds(seconds: number, option: string): number {
  const ms = Math.round(Number(seconds) * 1000)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new TransportError(`the ${option} of a message is ${seconds}; expected seconds from 0`)
}
