import { DEFAULT_LIMITS, tooLarge } from '../../codecs/limits.ts'
import { serializerByName } from '../../codecs/serializers.ts'
import { ProtocolError } from '../../errors.ts'
import { bodyInTurn, takesTurns } from '../body-in-turn.ts'
import { acceptedSerializer, decodeBody } from '../content.ts'
import { isRecord } from '../field-readers.ts'
import type { Message, Route } from '../message.ts'
import { showValue } from '../show-value.ts'

/**
 * Remote control: commands to workers and their answers, as kombu's mailboxes exchange them.
 * https://docs.celeryq.dev/en/stable/userguide/workers.html#remote-control
 */
export interface ControlCommand {
  readonly method: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** The names of the workers it is for; null is all of them. */
  readonly destination: readonly string[] | null
  /** Or those whose names match. */
  readonly pattern: string | null
  readonly matcher: 'glob' | 'pcre' | null
  /** Null where no answer is wanted. */
  readonly reply: { readonly ticket: string; readonly route: Route } | null
}

/** One worker's answer to the command that went with this ticket. */
interface ControlReply {
  readonly ticket: string | null
  /** By the name of the worker, as in Python. */
  readonly body: Readonly<Record<string, unknown>>
}

interface CommandStamps {
  /** Lamport's. */
  readonly clock: number
  /** Seconds since 1970; 0 is never. */
  readonly expires: number
}

export function encodeCommand(
  command: ControlCommand,
  { clock, expires }: CommandStamps,
  serializer: string,
): Message {
  const { method, destination, pattern, matcher, reply } = command
  const body = { method, arguments: command.arguments, destination, pattern, matcher }
  const { exchange, routingKey: routing_key } = reply?.route ?? NOWHERE
  const asked =
    reply === null ? body : { ...body, ticket: reply.ticket, reply_to: { exchange, routing_key } }
  return messageOf(asked, { headers: { clock, expires }, deliveryMode: 2, serializer })
}

export function encodeReply(
  body: Readonly<Record<string, unknown>>,
  headers: { readonly ticket: string; readonly clock: number },
  serializer: string,
): Message {
  return messageOf(body, { headers: { ...headers }, deliveryMode: 1, serializer })
}

/** Throws ProtocolError where the message is no command. */
export function decodeCommand(message: Message, accept: readonly string[]): ControlCommand {
  return commandIn(bodyOf(message, accept))
}

/** The same of a message that may be compressed or large: at once where it is neither. */
export async function readCommand(
  message: Message,
  accept: readonly string[],
): Promise<ControlCommand> {
  if (!takesTurns(message)) return decodeCommand(message, accept)
  const maxNodes = MOST_VALUES
  try {
    return commandIn(recordIn(await bodyInTurn(message, accept, { ...DEFAULT_LIMITS, maxNodes })))
  } catch (cause) {
    if (!(cause instanceof ProtocolError && cause.code === 'MESSAGE_TOO_LARGE')) throw cause
    throw tooLarge(`a command may hold ${MOST_VALUES} values: ${cause.message}`, cause)
  }
}

/** A command is carried out at once, for all of its values. */
const MOST_VALUES = 200_000

function commandIn(body: Body): ControlCommand {
  const { method, destination, pattern, matcher } = body
  if (typeof method !== 'string') {
    throw invalid('the method of a command', method, 'a text')
  }
  return {
    method,
    arguments: isRecord(body.arguments) ? body.arguments : {},
    destination: namesOf(destination),
    pattern: typeof pattern === 'string' && pattern !== '' ? pattern : null,
    matcher: matcher === 'glob' || matcher === 'pcre' ? matcher : null,
    reply: replyOf(body),
  }
}

/** Throws ProtocolError where the message is no answer. */
export function decodeReply(message: Message, accept: readonly string[]): ControlReply {
  return { ticket: ticketOf(message), body: bodyOf(message, accept) }
}

/** The same of a message that may be compressed or large: at once where it is neither. */
export async function readReply(
  message: Message,
  accept: readonly string[],
): Promise<ControlReply> {
  if (!takesTurns(message)) return decodeReply(message, accept)
  return { ticket: ticketOf(message), body: recordIn(await bodyInTurn(message, accept)) }
}

function ticketOf({ headers: { ticket } }: Message): string | null {
  return typeof ticket === 'string' ? ticket : null
}

type Body = Readonly<Record<string, unknown>>

/** The clock that a message brings; 0 where it brings none. */
export function clockOf({ headers: { clock } }: Message): number {
  return typeof clock === 'number' && Number.isSafeInteger(clock) ? clock : 0
}

const NOWHERE: Route = { exchange: '', routingKey: '' }

function messageOf(
  body: unknown,
  parts: { headers: Record<string, unknown>; deliveryMode: number; serializer: string },
): Message {
  const serializer = serializerByName(parts.serializer)
  return {
    headers: parts.headers,
    properties: {
      contentType: serializer.contentType,
      contentEncoding: serializer.contentEncoding,
      deliveryMode: parts.deliveryMode,
      priority: 0,
    },
    body: serializer.encode(body),
  }
}

function bodyOf(message: Message, accept: readonly string[]): Body {
  return recordIn(decodeBody(message, acceptedSerializer(message, accept)))
}

function recordIn(body: unknown): Body {
  if (!isRecord(body)) throw invalid('a message of remote control', body, 'an object')
  return body
}

function namesOf(destination: unknown): readonly string[] | null {
  if (!Array.isArray(destination) || destination.length === 0) return null
  return destination.filter((name) => typeof name === 'string')
}

function replyOf({
  ticket,
  reply_to: to,
}: Readonly<Record<string, unknown>>): ControlCommand['reply'] {
  if (!isRecord(to) || typeof to.exchange !== 'string') return null
  const { exchange, routing_key: routingKey } = to
  return {
    ticket: typeof ticket === 'string' ? ticket : '',
    route: { exchange, routingKey: typeof routingKey === 'string' ? routingKey : '' },
  }
}

function invalid(field: string, value: unknown, expected: string): ProtocolError {
  return new ProtocolError(
    'MESSAGE_INVALID',
    `${field} is ${showValue(value)}, expected ${expected}`,
  )
}
