import type { Message, MessageProperties, Route } from '../../../protocol/message.ts'
import { readTable } from '../../headers/read-table.ts'
import { encodeTable } from '../../headers/write-table.ts'

/** A message as the broker keeps it: bytes, as on a wire, so that no object is shared. */
export interface StoredMessage {
  readonly headers: Buffer
  readonly properties: MessageProperties
  readonly body: Buffer
  readonly route: Route
}

/** A stored message's place in one queue. */
export interface QueueEntry {
  readonly stored: StoredMessage
  /** Its place in line; kept when it is put back. */
  readonly position: number
  readonly priority: number
  readonly expiresAt: number
  deliveries: number
}

export function storeMessage(message: Message, route: Route): StoredMessage {
  return {
    headers: encodeTable(message.headers),
    properties: presentProperties(message.properties),
    body: Buffer.from(message.body),
    route: { exchange: route.exchange, routingKey: route.routingKey },
  }
}

export function loadMessage(stored: StoredMessage): Message {
  return {
    headers: readTable(stored.headers.subarray(4)),
    properties: { ...stored.properties },
    body: Buffer.from(stored.body),
  }
}

function presentProperties(properties: MessageProperties): MessageProperties {
  const present: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(properties)) {
    if (value !== undefined && value !== null) present[name] = value
  }
  return present
}
