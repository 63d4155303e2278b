import type { Delivery } from '../../brokers/broker.ts'
import { ToolboxError } from '../../errors.ts'
import { expandMessage, isCompressed } from '../../protocol/compressed-message.ts'
import { decodeTask } from '../../protocol/decode-task.ts'
import { identify } from '../../protocol/describe-message.ts'
import type { Message } from '../../protocol/message.ts'
import { storableOrNull, storableText } from '../stored/storable-text.ts'
import { type MessageEntry, messageEntry } from './message-entry.ts'
import { type TaskEntry, type TaskOrigin, taskEntry } from './task-entry.ts'
import type { WorkQueues } from './work-queues.ts'

/** A delivery of the platform queue as rows: of monitor.message, or of monitor.quarantine where there is a problem. */
export interface Mirrored {
  readonly delivery: Delivery
  readonly message: MessageEntry
  readonly taskId: string | null
  /** The work queue it went to as well. */
  readonly queue: string | null
  /** Null where it does not say enough of a task. */
  readonly task: TaskEntry | null
  readonly problem: Problem | null
}

/** Why a message could not be read, or not be recorded. */
export interface Problem {
  readonly code: string
  readonly reason: string
}

/** The record keeps what others publish, so it reads all that is safe, whatever the workers accept. */
const READABLE = ['json', 'yaml', 'msgpack']

/** Never throws, and never rejects; a compressed message takes its time. */
export function mirrored(delivery: Delivery, queues: WorkQueues): Mirrored | Promise<Mirrored> {
  const known = knownOf(delivery, queues)
  const { message } = delivery
  if (!isCompressed(message)) return readWith(known, message)
  return expandMessage(message).then(
    (plain) => readWith(known, plain),
    (cause: unknown) => unreadable(known, cause),
  )
}

/** What is known before the body is read. */
interface Known extends TaskOrigin {
  readonly delivery: Delivery
  readonly row: MessageEntry
}

function knownOf(delivery: Delivery, queues: WorkQueues): Known {
  const receivedAtMs = Date.now()
  const { message, route } = delivery
  const row = messageEntry(delivery, receivedAtMs)
  return { delivery, message, route, row, receivedAtMs, queue: queues.reachedBy(route) }
}

function readWith(known: Known, plain: Message): Mirrored {
  try {
    const task = taskEntry(decodeTask(plain, READABLE), known)
    return mirroredAs(known, { task, taskId: task.taskId, problem: null })
  } catch (cause) {
    return unreadable(known, cause)
  }
}

function unreadable(known: Known, cause: unknown): Mirrored {
  const task = rowFromHeaders(known)
  const taskId = task?.taskId ?? storableOrNull(identify(known.message).id)
  return mirroredAs(known, { task, taskId, problem: problemOf(cause) })
}

function mirroredAs(known: Known, read: Pick<Mirrored, 'task' | 'taskId' | 'problem'>): Mirrored {
  return { delivery: known.delivery, message: known.row, queue: known.queue, ...read }
}

/**
 * A pickle is never opened, but a Python worker may run it and store its result. Its headers alone tell what the
 * task's row needs: they are read as if the body held no arguments.
 */
function rowFromHeaders(known: Known): TaskEntry | null {
  const { message } = known
  if (message.properties.contentType !== PICKLE || message.headers.task === undefined) return null
  const { compression, ...headers } = message.headers
  const properties = { ...message.properties, contentType: 'application/json' }
  try {
    const request = decodeTask({ headers, properties, body: NO_ARGUMENTS }, READABLE)
    return { ...taskEntry(request, known), args: null, kwargs: null }
  } catch {
    // The headers are wrong as well; the quarantine names the pickle.
    return null
  }
}

const PICKLE = 'application/x-python-serialize'
const NO_ARGUMENTS = Buffer.from('[[], {}, {}]')

function problemOf(cause: unknown): Problem {
  if (cause instanceof ToolboxError)
    return { code: cause.code, reason: storableText(cause.message) }
  return {
    code: 'MESSAGE_UNDECODABLE',
    reason: storableText(`reading it failed: ${String(cause)}`),
  }
}
