import { ThreadLost } from '../async/thread.ts'
import { lostInThread } from '../codecs/decode-in-thread.ts'
import type { MessageLimits } from '../codecs/limits.ts'
import {
  type DecodeLargeOptions,
  type Serializer,
  serializerByContentType,
} from '../codecs/serializers.ts'
import { ProtocolError } from '../errors.ts'
import { CLAIM_CHECK_TYPE, unclaimed } from './claim-check.ts'
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
  if (contentType === CLAIM_CHECK_TYPE)
    throw new ProtocolError('CONTENT_DISALLOWED', unclaimed(message))
  if (serializer === undefined) throw disallowed(`is ${showValue(contentType)}`, acceptContent)
  if (!(acceptContent.includes(serializer.name) || acceptContent.includes(contentType))) {
    throw disallowed(`is ${showValue(contentType)}`, acceptContent)
  }
  return serializer
}

/** The value of a message's body, read at once; bodies that are large are for `decodeLargeBody`. */
export function decodeBody(
  message: Message,
  serializer: Serializer,
  limits?: MessageLimits,
): unknown {
  const bytes = expandedBytes(message)
  try {
    return serializer.decode(bytes, limits)
  } catch (cause) {
    throw unreadableBody(serializer, cause)
  }
}

/** Whether reading the body at once would keep the event loop from everything else for too long. */
export function isLarge({ body, properties }: Message): boolean {
  if (body.length <= SMALL) return false
  const serializer = serializerByContentType(properties.contentType ?? '')
  return body.length > (serializer?.largestAtOnce ?? Number.POSITIVE_INFINITY)
}

/** No serializer takes long for so few bytes. */
const SMALL = 4096

/** The same value, read off the event loop or in slices of its time. */
export async function decodeLargeBody(
  message: Message,
  serializer: Serializer,
  options: DecodeLargeOptions,
): Promise<unknown> {
  const bytes = expandedBytes(message)
  try {
    return await serializer.decodeLarge(bytes, options)
  } catch (cause) {
    throw unreadableBody(serializer, cause)
  }
}

function expandedBytes(message: Message): Buffer {
  if (message.headers.compression !== undefined && message.headers.compression !== null) {
    throw undecodable('the body is still compressed, expected it expanded')
  }
  return plainBytes(message)
}

function unreadableBody({ name }: Serializer, cause: unknown): ProtocolError {
  if (cause instanceof ProtocolError) return cause
  if (cause instanceof ThreadLost && cause.reason !== 'crash') {
    return lostInThread(`the body takes too much to read as ${name}: `, cause)
  }
  return undecodable(`the body is no ${name}: ${showCause(cause)}`, cause)
}

function showCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : showValue(cause)
}

/** The body in the encoding that serializers read: UTF-8 where it is text. */
export function plainBytes({ body, properties }: Message): Buffer {
  const encoding = properties.contentEncoding?.toLowerCase()
  if (encoding === undefined || encoding === '' || PLAIN_ENCODINGS.has(encoding)) return body
  try {
    return Buffer.from(new TextDecoder(encoding, { fatal: true }).decode(body))
  } catch (cause) {
    throw undecodable(`the body is not text in ${showValue(encoding)}: ${showCause(cause)}`, cause)
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
