import { ProtocolError } from '../../errors.ts'
import { invalidField, isRecord, type Source } from '../field-readers.ts'
import type { Message } from '../message.ts'
import { showValue } from '../show-value.ts'

/** Where each thing of a request is found; the protocols differ in nothing else. */
export interface MessageParts {
  readonly protocol: 1 | 2
  /** Named as protocol 2 names its headers. */
  readonly fields: Source
  readonly args: unknown
  readonly kwargs: unknown
  readonly embed: unknown
}

/**
 * Distinguishes protocol 2 (a task header, the body a list of three), protocol 1 (all in the body) and the hybrid of
 * both (a task header, the body an object) apart.
 * https://docs.celeryq.dev/en/stable/internals/protocol.html
 */
export function partsOf(message: Message, body: unknown): MessageParts {
  const { headers } = message
  if (headers.task === undefined) return partsOfV1(message, body)
  if (isRecord(body) && 'args' in body) return partsOfHybrid(headers, body)
  if (!Array.isArray(body) || body.length !== 3) {
    throw invalidField('body', body, 'a list of three: [args, kwargs, embed]')
  }
  return { protocol: 2, fields: headers, args: body[0], kwargs: body[1], embed: body[2] }
}

function partsOfV1({ properties }: Message, body: unknown): MessageParts {
  if (!isRecord(body) || body.task === undefined) {
    throw new ProtocolError(
      'MESSAGE_UNKNOWN',
      `not a task message: there is no task header, and the body ${showValue(body)} names no task`,
    )
  }
  // Python runs a protocol 1 message that has no id; its result then goes by the correlation id.
  const fields = { ...fieldsOfBody(body), id: body.id ?? properties.correlationId }
  return { protocol: 1, fields, ...callOfBody(body) }
}

function partsOfHybrid(headers: Source, body: Source): MessageParts {
  return { protocol: 2, fields: { ...fieldsOfBody(body), ...headers }, ...callOfBody(body) }
}

function callOfBody(body: Source): Pick<MessageParts, 'args' | 'kwargs' | 'embed'> {
  const { args = [], kwargs = {}, callbacks, errbacks, chain, chord } = body
  return { args, kwargs, embed: { callbacks, errbacks, chain, chord } }
}

function fieldsOfBody(body: Source): Source {
  return { ...body, group: body.taskset ?? body.group }
}
