import { type Serializer, serializerByContentType } from '../codecs/serializers.ts'
import { ProtocolError } from '../errors.ts'
import type { Message } from './message.ts'
import { showValue } from './show-value.ts'

/** Content encodings whose bytes a serializer reads as they are. */
const PLAIN_ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'binary', 'ascii-8bit'])

/**
 * The serializer of a message's body, if that content is accepted; entries are serializer names ("json") or
 * content types. Nothing is decoded before this has passed.
 * https://docs.celeryq.dev/en/stable/userguide/configuration.html#accept-content
 */
export function acceptedSerializer(message: Message, acceptContent: readonly string[]): Serializer {
  const { contentType } = message.properties
  if (contentType === undefined) throw disallowed('is missing', acceptContent)
  const serializer = serializerByContentType(contentType)
  if (contentType === PICKLE || serializer?.name === 'pickle') {
    throw disallowed('is pickle, which is never executed', acceptContent)
  }
  if (serializer === undefined) throw disallowed(`is ${showValue(contentType)}`, acceptContent)
  if (!(acceptContent.includes(serializer.name) || acceptContent.includes(contentType))) {
    throw disallowed(`is ${showValue(contentType)}`, acceptContent)
  }
  return serializer
}

/** The value of a message's body. */
export function decodeBody(message: Message, serializer: Serializer): unknown {
  if (message.headers.compression !== undefined && message.headers.compression !== null) {
    throw undecodable('the body is still compressed, expected it expanded')
  }
  const bytes = plainBytes(message)
  try {
    return serializer.decode(bytes)
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw undecodable(`the body is no ${serializer.name}: ${String(cause)}`, cause)
  }
}

/** The body in the encoding that serializers read: UTF-8 where it is text. */
export function plainBytes({ body, properties }: Message): Buffer {
  const encoding = properties.contentEncoding?.toLowerCase()
  if (encoding === undefined || encoding === '' || PLAIN_ENCODINGS.has(encoding)) return body
  try {
    return Buffer.from(new TextDecoder(encoding, { fatal: true }).decode(body))
  } catch (cause) {
    throw undecodable(`the body is no text in ${showValue(encoding)}: ${String(cause)}`, cause)
  }
}

const PICKLE = 'application/x-python-serialize'

function disallowed(what: string, acceptContent: readonly string[]): ProtocolError {
  return new ProtocolError(
    'CONTENT_DISALLOWED',
    `content_type ${what}, expected one of: ${acceptContent.join(', ')}; the body was not decoded`,
  )
}

function undecodable(problem: string, cause?: unknown): ProtocolError {
  return new ProtocolError('MESSAGE_UNDECODABLE', problem, cause === undefined ? {} : { cause })
}
