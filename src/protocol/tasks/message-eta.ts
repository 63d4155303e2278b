import { acceptedSerializer, decodeBody } from '../content.ts'
import type { Message } from '../message.ts'

/**
 * The same message, due at another time: in its header, or in the body where it is of protocol 1.
 * Throws `ProtocolError` where that body cannot be read.
 */
export function withEta(message: Message, dueAt: Date): Message {
  const eta = dueAt.toISOString()
  if (typeof message.headers.task === 'string') {
    return { ...message, headers: { ...message.headers, eta } }
  }
  const serializer = acceptedSerializer(message, ['json', 'yaml', 'msgpack'])
  const body = decodeBody(message, serializer)
  if (typeof body !== 'object' || body === null) return message
  return { ...message, body: serializer.encode({ ...body, eta }) }
}
