import type { MessageHeaders } from './received.ts'

/** A result with more to it than its value: headers of its own, or the key that Kafka partitions by. */
export class Outgoing<T = unknown> {
  readonly value: T
  readonly headers: MessageHeaders
  readonly key: string | undefined

  constructor(
    value: T,
    parts: { readonly headers?: MessageHeaders; readonly key?: string | undefined } = {},
  ) {
    this.value = value
    this.headers = parts.headers ?? {}
    this.key = parts.key
  }
}

/** Sends `value` with these headers, over those of the message it came from. */
export function withHeaders<T>(value: T, headers: MessageHeaders): Outgoing<T> {
  return new Outgoing(value, { headers })
}
