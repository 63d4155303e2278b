import type { Headers, Message, MessageProperties } from '../../protocol/message.ts'
import { parseIso } from '../../protocol/times.ts'
import { REDACTED } from '../privacy/redaction-rules.ts'
import type { RecordedMessage } from '../queries/recorded-messages.ts'
import type { CallEdit } from './call-edit.ts'
import { editedMessage, fieldsOf, isFirstProtocol, openBody } from './edited-message.ts'

interface ReplayChanges {
  readonly taskId: string
  readonly newId: string
  readonly edit?: CallEdit | undefined
  readonly now: Date
}

/** The header (and column) that names the task whose message was published again. */
const REPLAY_HEADER = 'replay_of'

/**
 * A recorded message under a new id, as its first attempt. The bytes of its body stay as they were, unless it is
 * edited or is of protocol 1, where the id is in the body. What was due in the past is due now, and what would have
 * expired has as long to live as it had.
 */
export async function replayedMessage(
  recorded: RecordedMessage,
  changes: ReplayChanges,
): Promise<Message> {
  const { taskId, edit } = changes
  const again = isFirstProtocol(recorded.message)
    ? await inFirstProtocol(recorded, changes)
    : inSecondProtocol(recorded, changes)
  return edit === undefined ? again : await editedMessage(again, taskId, edit)
}

function inSecondProtocol(recorded: RecordedMessage, changes: ReplayChanges): Message {
  const { headers, properties, body } = recorded.message
  return {
    headers: { ...published(headers), ...renewed(headers, recorded, changes) },
    properties: renamed(properties, changes),
    body,
  }
}

async function inFirstProtocol(
  recorded: RecordedMessage,
  changes: ReplayChanges,
): Promise<Message> {
  const { message } = recorded
  const { taskId } = changes
  const { serializer, value } = await openBody(message, taskId)
  const call = fieldsOf(value, taskId)
  const { [REPLAY_HEADER]: _header, ...fields } = renewed(call, recorded, changes)
  const { compression: _expanded, ...headers } = published(message.headers) as Record<
    string,
    unknown
  >
  return {
    headers: { ...headers, [REPLAY_HEADER]: taskId },
    properties: renamed(message.properties, changes),
    body: serializer.encode({ ...call, ...fields }),
  }
}

/** What a broker adds on the way is none of the message's own, and what was taken out of it is nothing to read. */
function published(headers: Headers): Headers {
  const entries = Object.entries(headers)
  return Object.fromEntries(
    entries.filter(([name, value]) => !ADDED.test(name) && value !== REDACTED),
  )
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
