import { compress, compressionFor, decompress } from '../codecs/compression/compression.ts'
import type { MessageLimits } from '../codecs/limits.ts'
import { ProtocolError } from '../errors.ts'
import type { Message } from './message.ts'
import { showValue } from './show-value.ts'

/** Whether a message's body has to be expanded before it can be decoded. */
export function isCompressed(message: Message): boolean {
  const { compression } = message.headers
  return compression !== undefined && compression !== null
}

/**
 * The same message with its body compressed by the named method ("zlib", "bzip2", ...), as Celery does it.
 * https://docs.celeryq.dev/en/stable/userguide/calling.html#compression
 */
export async function compressMessage(message: Message, name: string): Promise<Message> {
  const compression = compressionFor(name)
  return {
    ...message,
    headers: { ...message.headers, compression: compression.contentType },
    body: await compress(message.body, name),
  }
}

/** The message as if it had never been compressed. */
export async function expandMessage(message: Message, limits?: MessageLimits): Promise<Message> {
  if (!isCompressed(message)) return message
  const { compression, ...headers } = message.headers
  if (typeof compression !== 'string') {
    throw new ProtocolError(
      'MESSAGE_UNDECODABLE',
      `compression is ${showValue(compression)}, expected the name of a method`,
    )
  }
  return { ...message, headers, body: await decompress(message.body, compression, limits) }
}
