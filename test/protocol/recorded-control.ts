import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Message } from '../../src/protocol/message.ts'

/** A message of remote control as it was recorded. */
export interface Recorded {
  readonly exchange: string
  readonly routing_key: string
  readonly properties: {
    readonly content_type: string
    readonly content_encoding: string
    readonly delivery_mode: number
    readonly priority: number
  }
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
  readonly body_json: unknown
}

/** What Python sent, and what its workers answered. */
export function fixture(name: string): {
  readonly command: Recorded
  readonly replies: readonly Recorded[]
} {
  const path = join(import.meta.dirname, `../fixtures/celery/${name}.json`)
  const { command, message, replies = [] } = JSON.parse(readFileSync(path, 'utf8'))
  return { command: command ?? message, replies }
}

export function messageOf({ headers, properties, body }: Recorded): Message {
  return {
    headers,
    properties: {
      contentType: properties.content_type,
      contentEncoding: properties.content_encoding,
      deliveryMode: properties.delivery_mode,
      priority: properties.priority,
    },
    body: Buffer.from(body),
  }
}
