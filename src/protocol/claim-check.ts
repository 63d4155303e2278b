import { decodeJson, encodeJson } from '../codecs/json/json.ts'
import { isRecord } from './field-readers.ts'
import type { Message } from './message.ts'
import { showValue } from './show-value.ts'

/** What a message is called whose body is kept elsewhere: its own body is a ticket. examples/python reads it, too. */
export const CLAIM_CHECK_TYPE = 'application/x-claim-check'

/** What a ticket says of the body that it stands for. */
interface Ticket {
  /** Where the body is kept. */
  readonly claim: string
  /** Opens the body, where it is encrypted. */
  readonly key: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly compression: string | undefined
}

/** The same message with a ticket in the place of its body, which is kept as `claim`. */
export function withTicket(
  message: Message,
  { claim, key }: { readonly claim: string; readonly key?: string | undefined },
): Message {
  // A ticket is not compressed, and Python expands what this header names before anything else.
  const { compression, ...headers } = message.headers
  const ticket = {
    claim,
    key,
    bytes: message.body.length,
    'content-type': message.properties.contentType,
    'content-encoding': message.properties.contentEncoding,
    compression,
  }
  return {
    headers,
    properties: {
      ...message.properties,
      contentType: CLAIM_CHECK_TYPE,
      contentEncoding: 'utf-8',
    },
    body: Buffer.from(encodeJson(ticket)),
  }
}

/** The ticket that a message brings; undefined where its body is its own, or no ticket. */
export function ticketOf(message: Message): Ticket | undefined {
  const found = writtenTicket(message)
  if (found === undefined || !isClaim(found.claim)) return undefined
  return {
    claim: found.claim,
    key: textOrUndefined(found.key),
    contentType: textOrUndefined(found['content-type']),
    contentEncoding: textOrUndefined(found['content-encoding']),
    compression: textOrUndefined(found.compression),
  }
}

/** Why the body is not there, where a message still has its ticket. */
export function unclaimed(message: Message): string {
  const { claim } = writtenTicket(message) ?? {}
  return isClaim(claim)
    ? `the producer stored the body as claim "${claim}" in its CLAIM_CHECK database, and this one does not have it, or another under this name: set CLAIM_CHECK to the same database`
    : `the body is a ticket of CLAIM_CHECK whose claim is ${showValue(claim)}, expected a name of 1 to ${LONGEST_CLAIM} characters`
}

type WrittenTicket = Readonly<Record<string, unknown>>

function writtenTicket({ properties, body }: Message): WrittenTicket | undefined {
  if (properties.contentType !== CLAIM_CHECK_TYPE) return undefined
  const found = parsed(body.toString())
  return isRecord(found) ? found : undefined
}

const LONGEST_CLAIM = 200

/** No database has a name with a NUL in it: asked for one, it seems to be away. */
function isClaim(claim: unknown): claim is string {
  const isName = typeof claim === 'string' && claim !== '' && claim.length <= LONGEST_CLAIM
  return isName && !claim.includes('\0')
}

/** The message as it was before its body was put away. */
export function withBody(message: Message, ticket: Ticket, body: Buffer): Message {
  const { contentType: _, contentEncoding: __, ...properties } = message.properties
  const { contentType, contentEncoding, compression } = ticket
  return {
    headers: { ...message.headers, ...(compression !== undefined && { compression }) },
    properties: {
      ...properties,
      ...(contentType !== undefined && { contentType }),
      ...(contentEncoding !== undefined && { contentEncoding }),
    },
    body,
  }
}

function textOrUndefined(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function parsed(text: string): unknown {
  try {
    return decodeJson(text, { plainObjects: true })
  } catch {
    // No ticket of ours: the reader of the message says what is wrong with it.
    return undefined
  }
}
