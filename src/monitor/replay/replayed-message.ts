import { reprArgs, reprKwargs } from '../../codecs/python-repr.ts'
import type { Serializer } from '../../codecs/serializers.ts'
import { MonitorError } from '../../errors.ts'
import { expandMessage, isCompressed } from '../../protocol/compressed-message.ts'
import { acceptedSerializer, decodeBody } from '../../protocol/content.ts'
import type { Headers, Message, MessageProperties } from '../../protocol/message.ts'
import { parseIso } from '../../protocol/times.ts'
import type { RecordedMessage } from '../queries/recorded-messages.ts'
import { type CallEdit, editedArgs, editedKwargs } from './call-edit.ts'

export interface ReplayChanges {
  readonly taskId: string
  readonly newId: string
  readonly edit?: CallEdit | undefined
  readonly now: Date
}

/** The header (and column) that names the task whose message was published again. */
export const REPLAY_HEADER = 'replay_of'

/**
 * A recorded message under a new id, as its first attempt. The bytes of its body stay as they were, unless it is
 * edited or is of protocol 1, where the id is in the body. What was due in the past is due now, and what would have
 * expired has as long to live as it had.
 */
export async function replayedMessage(
  recorded: RecordedMessage,
  changes: ReplayChanges,
): Promise<Message> {
  const { message } = recorded
  const isFirstProtocol = typeof message.headers.task !== 'string'
  if (isFirstProtocol) return await inFirstProtocol(recorded, changes)
  const headers = { ...published(message.headers), ...renewed(message.headers, recorded, changes) }
  const properties = renamed(message.properties, changes)
  if (changes.edit === undefined) return { headers, properties, body: message.body }
  const { body, argsrepr, kwargsrepr } = await editedBody(message, changes)
  const { compression: _expanded, ...plain } = headers as Record<string, unknown>
  return { headers: { ...plain, argsrepr, kwargsrepr }, properties, body }
}

/** What a broker adds on the way is none of the message's own. */
function published(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ADDED.test(name)))
}

const ADDED = /^x-(?:death|first-death-|last-death-|delivery-count|acquired-count)/

function renewed(
  fields: Readonly<Record<string, unknown>>,
  { receivedAt }: RecordedMessage,
  { taskId, newId, now }: ReplayChanges,
): Record<string, unknown> {
  return {
    id: newId,
    [REPLAY_HEADER]: taskId,
    retries: 0,
    ...(fields.root_id === taskId && { root_id: newId }),
    // Python names the task itself as the parent of its retries.
    ...(fields.parent_id === taskId && { parent_id: null }),
    ...timesOf(fields, receivedAt, now),
  }
}

function timesOf(
  { eta, expires }: Readonly<Record<string, unknown>>,
  publishedAt: Date,
  now: Date,
): Record<string, unknown> {
  const times: Record<string, unknown> = {}
  if (typeof eta === 'string' && parseIso(eta) <= now) times.eta = null
  if (typeof expires === 'string') {
    const livedMs = parseIso(expires).getTime() - publishedAt.getTime()
    times.expires = new Date(now.getTime() + Math.max(livedMs, 0)).toISOString()
  }
  return times
}

function renamed(
  properties: MessageProperties,
  { taskId, newId }: ReplayChanges,
): MessageProperties {
  return {
    ...properties,
    ...(properties.correlationId === taskId && { correlationId: newId }),
    ...(properties.messageId === taskId && { messageId: newId }),
  }
}

/** https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2 */
async function editedBody(
  message: Message,
  { taskId, edit = {} }: ReplayChanges,
): Promise<{ readonly body: Buffer; readonly argsrepr: string; readonly kwargsrepr: string }> {
  const { serializer, value } = await opened(message, taskId)
  if (!(Array.isArray(value) && value.length === 3))
    throw unreadable(taskId, 'its body is no [args, kwargs, embed]')
  const args = editedArgs(value[0], edit)
  const kwargs = editedKwargs(value[1], edit)
  return {
    body: serializer.encode([args, kwargs, value[2]]),
    argsrepr: reprArgs(args),
    kwargsrepr: reprKwargs(kwargs),
  }
}

/** https://docs.celeryq.dev/en/stable/internals/protocol.html#version-1 */
async function inFirstProtocol(
  recorded: RecordedMessage,
  changes: ReplayChanges,
): Promise<Message> {
  const { message } = recorded
  const { taskId, edit } = changes
  const { serializer, value } = await opened(message, taskId)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(taskId, 'it has no header "task", and its body is no object')
  }
  const call = value as Readonly<Record<string, unknown>> // not null, not a list
  const { [REPLAY_HEADER]: _header, ...fields } = renewed(call, recorded, changes)
  const body = serializer.encode({
    ...call,
    ...fields,
    ...(edit !== undefined && {
      args: editedArgs(call.args ?? [], edit),
      kwargs: editedKwargs(call.kwargs ?? {}, edit),
    }),
  })
  const { compression: _expanded, ...headers } = published(message.headers) as Record<
    string,
    unknown
  >
  return {
    headers: { ...headers, [REPLAY_HEADER]: taskId },
    properties: renamed(message.properties, changes),
    body,
  }
}

async function opened(
  message: Message,
  taskId: string,
): Promise<{ readonly serializer: Serializer; readonly value: unknown }> {
  try {
    const plain = isCompressed(message) ? await expandMessage(message) : message
    const serializer = acceptedSerializer(plain, ['json', 'yaml', 'msgpack'])
    return { serializer, value: decodeBody(plain, serializer) }
  } catch (cause) {
    throw unreadable(taskId, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function unreadable(taskId: string, why: string, cause?: unknown): MonitorError {
  return new MonitorError(
    'REPLAY_IMPOSSIBLE',
    `the recorded message of task ${taskId} must be read to be published again, but ${why}`,
    cause === undefined ? {} : { cause },
  )
}
