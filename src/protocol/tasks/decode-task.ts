import { decodeJson, hasWholeFloat } from '../../codecs/json/json.ts'
import { DEFAULT_LIMITS, type MessageLimits } from '../../codecs/limits.ts'
import { acceptedSerializer, decodeBody, decodeLargeBody, plainBytes } from '../content.ts'
import {
  isRecord,
  optionalCount,
  optionalText,
  optionalTruth,
  requiredText,
  shownText,
} from '../field-readers.ts'
import type { Message } from '../message.ts'
import { readEmbed } from './embed.ts'
import { type MessageParts, partsOf } from './message-parts.ts'
import {
  readArgs,
  readKwargs,
  readStampedHeaders,
  readStamps,
  readTime,
  readTimeLimits,
} from './request-fields.ts'
import type { DeliveryInfo, TaskRequest } from './task-request.ts'

export interface DecodeTaskOptions {
  readonly limits?: MessageLimits
  /** How it came; default: it did not come to a worker. */
  readonly deliveryInfo?: DeliveryInfo
}

/**
 * Reads a task message of protocol 2 or 1, or of the hybrid between them. What Python's worker runs is accepted
 * with the same meaning; what stops that worker, or gets lost in it, is refused with a ProtocolError; what it
 * stores FAILURE for carries a `fault`. Content that is not accepted is refused before anything is decoded.
 * docs/protocol.md has the table.
 */
export function decodeTask(
  message: Message,
  acceptContent: readonly string[],
  { limits, deliveryInfo = UNDELIVERED }: DecodeTaskOptions = {},
): TaskRequest {
  const serializer = acceptedSerializer(message, acceptContent)
  const parts = partsOf(message, decodeBody(message, serializer, limits))
  const embed = exactEmbed(message, parts, serializer.name)
  return requestOf(message, { ...parts, embed }, { serializer: serializer.name, deliveryInfo })
}

/** The same, off the event loop or in slices of its time: for bodies that are large. */
export async function decodeLargeTask(
  message: Message,
  acceptContent: readonly string[],
  { limits = DEFAULT_LIMITS, deliveryInfo = UNDELIVERED }: DecodeTaskOptions = {},
): Promise<TaskRequest> {
  const serializer = acceptedSerializer(message, acceptContent)
  const options = { limits, floatsAt: EMBED_PLACE }
  const parts = partsOf(message, await decodeLargeBody(message, serializer, options))
  return requestOf(message, parts, { serializer: serializer.name, deliveryInfo })
}

/** In the list that is the body of protocol 2. */
const EMBED_PLACE = 2

/** Of a message that is read where no worker received it. */
export const UNDELIVERED: DeliveryInfo = { exchange: '', routingKey: '', redelivered: false }

function requestOf(
  message: Message,
  parts: MessageParts,
  { serializer, deliveryInfo }: Pick<TaskRequest, 'serializer' | 'deliveryInfo'>,
): TaskRequest {
  const { fields } = parts
  const { priority = null, replyTo = null, correlationId = null } = message.properties
  const id = requiredText(fields, 'id')
  const [timeLimit, softTimeLimit] = readTimeLimits(fields)
  const { args, argsFault } = readArgs(parts.args)
  const { embed, fault = argsFault } = readEmbed(parts.embed)
  const request: TaskRequest = {
    protocol: parts.protocol,
    lang: shownText(fields, 'lang'),
    id,
    task: requiredText(fields, 'task'),
    args,
    kwargs: readKwargs(parts.kwargs),
    callbacks: embed.callbacks,
    errbacks: embed.errbacks,
    chain: embed.chain,
    chord: embed.chord,
    rootId: optionalText(fields, 'root_id'),
    parentId: optionalText(fields, 'parent_id'),
    group: optionalText(fields, 'group'),
    groupIndex: optionalCount(fields, 'group_index'),
    shadow: optionalText(fields, 'shadow') || null,
    eta: readTime(fields, 'eta'),
    expires: readTime(fields, 'expires'),
    retries: optionalCount(fields, 'retries') ?? 0,
    timeLimit,
    softTimeLimit,
    origin: shownText(fields, 'origin'),
    argsrepr: shownText(fields, 'argsrepr'),
    kwargsrepr: shownText(fields, 'kwargsrepr'),
    ignoreResult: optionalTruth(fields, 'ignore_result'),
    replacedTaskNesting: optionalCount(fields, 'replaced_task_nesting') ?? 0,
    stampedHeaders: readStampedHeaders(fields),
    stamps: readStamps(fields),
    priority,
    replyTo,
    correlationId,
    headers: message.headers,
    properties: message.properties,
    deliveryInfo,
    serializer,
  }
  return fault === undefined ? request : { ...request, fault }
}

/**
 * What follows is sent on by us, perhaps to Python, where 1.0 is not 1; so its floats are kept, at the price of
 * reading such a body twice.
 */
function exactEmbed(
  message: Message,
  { embed, protocol }: MessageParts,
  serializer: string,
): unknown {
  if (protocol !== 2 || serializer !== 'json' || !isRecord(embed)) return embed
  if (!(embed.callbacks || embed.errbacks || embed.chain || embed.chord)) return embed
  const text = plainBytes(message).toString()
  if (!hasWholeFloat(text)) return embed
  const body = decodeJson(text, { keepFloats: true })
  return Array.isArray(body) ? body[EMBED_PLACE] : embed
}
