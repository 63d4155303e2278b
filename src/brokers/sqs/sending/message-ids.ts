import { createHash, randomUUID } from 'node:crypto'
import { EVENTS_HEADER } from '../../../protocol/events/events.ts'
import type { Message } from '../../../protocol/message.ts'
import { FAIRNESS_HEADER } from '../../../protocol/routing/fairness.ts'
import type { PublishOptions } from '../../broker.ts'

/** What SQS takes as a group or deduplication id: up to 128 of these. */
const ACCEPTED = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/

/** The ids of one copy of a message. */
export interface MessageIds {
  readonly groupId?: string
  readonly deduplicationId?: string
}

interface Copy {
  /** Whether its queue is a FIFO queue; others take a group for fairness, and no deduplication id. */
  readonly isFifo: boolean
  /** Whether it is the copy for the record, which a queue gets that is bound to everything. */
  readonly isMirror: boolean
}

/** One call of `publish`: the same for each copy, and for each try to send it. */
export interface Sent {
  readonly message: Message
  readonly options: PublishOptions
  /** For what has no id of its own. */
  readonly ownId: string
}

export function sentOf(message: Message, options: PublishOptions): Sent {
  return { message, options, ownId: message.properties.messageId ?? randomUUID() }
}

/**
 * The mirror keeps one root in one group, so that groups are many and each root keeps its order; the deduplication id
 * `<id>-<retries>-<kind>` lets a copy that is sent twice arrive once. examples/python makes the same ids.
 */
export function messageIds(sent: Sent, { isFifo, isMirror }: Copy): MessageIds {
  const { groupKey = fairnessOf(sent), dedupKey } = sent.options
  if (!isFifo) return groupKey === undefined ? {} : { groupId: acceptable(groupKey) }
  const ownGroup = isMirror ? undefined : groupKey
  return {
    groupId: acceptable(ownGroup ?? rootOf(sent)),
    deduplicationId: acceptable(`${dedupKey ?? deduplicationOf(sent)}${isMirror ? '' : '-work'}`),
  }
}

function fairnessOf({ message }: Sent): string | undefined {
  const key = message.headers[FAIRNESS_HEADER]
  return typeof key === 'string' && key !== '' ? key : undefined
}

function rootOf({ message: { headers, properties }, ownId }: Sent): string {
  const { root_id: root, id } = headers
  if (typeof root === 'string' && root !== '') return root
  if (typeof id === 'string' && id !== '') return id
  const isEvent = headers[EVENTS_HEADER] !== undefined
  return isEvent ? ownId : (properties.correlationId ?? ownId)
}

function deduplicationOf({ message: { headers }, ownId }: Sent): string {
  const { id, retries } = headers
  const isTask = typeof id === 'string' && id !== '' && typeof headers.task === 'string'
  if (!isTask) return `${ownId}-0-${headers[EVENTS_HEADER] === undefined ? 'message' : 'event'}`
  return `${id}-${typeof retries === 'number' ? retries : 0}-${kindOf(headers)}`
}

/** A replacement has the id and the retries of what it replaces; a dead letter, or one put back, those of its message. */
function kindOf(headers: Message['headers']): string {
  const { replaced_task_nesting: nesting, 'x-dlq-time': kept, 'x-dlq-part': part = '' } = headers
  if (typeof kept === 'string') return `dead-${kept}${String(part)}`
  return typeof nesting === 'number' && nesting > 0 ? `replacement${nesting}` : 'task'
}

/** The id, or a digest in the place of one that SQS refuses. */
export function acceptable(id: string): string {
  return ACCEPTED.test(id) ? id : createHash('sha256').update(id).digest('hex')
}
