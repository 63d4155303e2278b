import type { Delivery } from '../../brokers/broker.ts'
import { inTurn } from '../../codecs/in-turn.ts'
import { DEFAULT_LIMITS, type MessageLimits, TooSlow } from '../../codecs/limits.ts'
import { ProtocolError } from '../../errors.ts'
import { takesTurns } from '../../protocol/body-in-turn.ts'
import { expandMessage } from '../../protocol/compressed-message.ts'
import { isLarge } from '../../protocol/content.ts'
import { identify } from '../../protocol/describe-message.ts'
import type { Message } from '../../protocol/message.ts'
import { copiedFrom } from '../../protocol/routing/mirror-copies.ts'
import {
  type DecodeTaskOptions,
  decodeLargeTask,
  decodeTask,
} from '../../protocol/tasks/decode-task.ts'
import { Privacy } from '../privacy/privacy.ts'
import type { RedactedMessage } from '../privacy/redact-message.ts'
import { fitsIndex, LONGEST_ID, LONGEST_ID_BYTES, storableOrNull } from '../stored/storable-text.ts'
import { type MessageEntry, messageEntry } from './message-entry.ts'
import { unwritten, withinLimit } from './payload-limit.ts'
import { type TaskEntry, type TaskOrigin, taskEntry } from './task-entry.ts'
import type { MirrorRecord, Problem } from './types.ts'
import { problemOf, unreadEntry } from './unread-entry.ts'
import type { WorkQueues } from './work-queues.ts'

/** The record keeps what others publish, so it reads all that is safe, even content that the workers refuse. */
const READABLE = ['json', 'yaml', 'msgpack']

interface MirrorOptions {
  /** What may be stored. Default: everything, and arguments up to 64 KiB in the task's row. */
  readonly privacy?: Privacy
  /** When it came. Default: now. */
  readonly receivedAtMs?: number
  readonly limits?: MessageLimits | undefined
}

/** Never throws, and never rejects; a message that is compressed or large takes its time. */
export function mirrorRecordOf(
  delivery: Delivery,
  queues: WorkQueues,
  options: MirrorOptions = {},
): MirrorRecord | Promise<MirrorRecord> {
  const { privacy = OPEN, receivedAtMs = Date.now(), limits } = options
  const { message, route } = copiedFrom(delivery)
  const queue = queues.reachedBy(route)
  const arrival = { delivery, published: message, route, receivedAtMs, queue, privacy, limits }
  if (!takesTurns(message)) return readWith(arrival, message)
  return inTurn(limits ?? DEFAULT_LIMITS, async (within) =>
    readLarge({ ...arrival, limits: within }, await expandMessage(message, within)),
  ).catch((cause: unknown) => undecodable(arrival, cause))
}

/** Off the event loop or in slices of its time, and without writing arguments down that no row has room for. */
async function readLarge(arrival: Arrival, plain: Message): Promise<MirrorRecord> {
  const { privacy, limits } = arrival
  const isShort = plain.body.length <= privacy.payloadLimitBytes
  const isRedacted = privacy.hasRules && plain.body.length <= MOST_REDACTED_BYTES
  if (isRedacted || isShort || !isLarge(plain)) return readWith(arrival, plain)
  if (privacy.hasRules) return await readUnredacted(arrival, plain)
  const known = knownOf(arrival)
  try {
    const how = limits === undefined ? {} : { limits }
    const request = await decodeLargeTask(plain, READABLE, how)
    const entry = taskEntry({ ...request, args: [], kwargs: {} }, known)
    const task = { ...entry, ...unwritten(plain), firstCall: null }
    return withinLimit(mirroredAs(known, { task, taskId: task.taskId, problem: null }), privacy)
  } catch (cause) {
    if (cause instanceof TooSlow) throw cause
    return quarantined(known, problemOf(cause))
  }
}

/** More would keep the event loop for too long: what is to be taken out is looked for value by value. */
const MOST_REDACTED_BYTES = 4 * 1024 * 1024

/** Of a body in which nothing can be looked for, nothing is kept: neither its arguments nor what follows the task. */
async function readUnredacted(arrival: Arrival, plain: Message): Promise<MirrorRecord> {
  const { privacy, published } = arrival
  const { message } = privacy.unreadableMessage({ ...published, body: EMPTY })
  const known = knownOf(arrival, { message, redacted: ['body'], isUnderstood: false })
  const row = { ...known.row, altered: { redacted: ['body'], dropped: published.body.length } }
  const unread = { ...known, row }
  try {
    const how = arrival.limits === undefined ? {} : { limits: arrival.limits }
    const request = await decodeLargeTask({ ...plain, headers: message.headers }, READABLE, how)
    const bare = { ...request, args: [], kwargs: {}, ...NOTHING_FOLLOWS }
    const { args, kwargs } = unwritten({ ...plain, body: EMPTY }, plain.body.length)
    const task = { ...taskEntry(bare, unread), args, kwargs, firstCall: null }
    return mirroredAs(unread, { task, taskId: task.taskId, problem: null })
  } catch (cause) {
    if (cause instanceof TooSlow) throw cause
    return undecodable(arrival, cause)
  }
}

const EMPTY = Buffer.alloc(0)
const NOTHING_FOLLOWS = { callbacks: null, errbacks: null, chain: null, chord: null }

const OPEN = new Privacy()

interface Arrival extends Omit<TaskOrigin, 'message'> {
  readonly delivery: Delivery
  /** What it is a copy of. */
  readonly published: Message
  readonly privacy: Privacy
  readonly limits: MessageLimits | undefined
}

/** What is known before the body is read, by its values that may be stored. */
interface Known extends Arrival, TaskOrigin {
  readonly row: MessageEntry
}

function readWith(arrival: Arrival, plain: Message): MirrorRecord {
  if (!arrival.privacy.hasRules) return readSafe(knownOf(arrival), plain)
  try {
    const safe = arrival.privacy.message(plain, READABLE)
    const read = readSafe(knownOf(arrival, safe), safe.message)
    if (read.problem === null) return read
    return safe.isUnderstood ? withSafeReason(read, arrival.privacy) : unread(arrival, read.problem)
  } catch (cause) {
    return undecodable(arrival, cause)
  }
}

function readSafe(known: Known, plain: Message): MirrorRecord {
  try {
    const task = storable(taskEntry(decodeTask(plain, READABLE, optionsOf(known)), known))
    const read = mirroredAs(known, { task, taskId: task.taskId, problem: null })
    return plain.body.length > known.privacy.payloadLimitBytes
      ? withinLimit(read, known.privacy)
      : read
  } catch (cause) {
    return quarantined(known, problemOf(cause))
  }
}

/** A message in which something was taken out is kept as it is then: expanded. */
function knownOf(arrival: Arrival, safe?: RedactedMessage): Known {
  const { delivery, published, receivedAtMs, route } = arrival
  const isAltered = safe !== undefined && safe.redacted.length > 0
  const message = isAltered ? safe.message : published
  const entry = messageEntry({ message, route }, receivedAtMs)
  const row = isAltered ? { ...entry, altered: { redacted: safe.redacted } } : entry
  return {
    delivery,
    published,
    route,
    receivedAtMs,
    queue: arrival.queue,
    privacy: arrival.privacy,
    limits: arrival.limits,
    message,
    row,
  }
}

function optionsOf({ limits }: Arrival): DecodeTaskOptions {
  return limits === undefined ? {} : { limits }
}

/** The reason shows what is wrong, as it came. */
function withSafeReason(read: MirrorRecord, privacy: Privacy): MirrorRecord {
  const { problem } = read
  if (problem === null) return read
  return { ...read, problem: { ...problem, reason: privacy.text(problem.reason) } }
}

function undecodable(arrival: Arrival, cause: unknown): MirrorRecord {
  return unread(arrival, problemOf(cause))
}

function unread(arrival: Arrival, found: Problem): MirrorRecord {
  const { message, row, problem } = unreadEntry(arrival, found)
  return quarantined({ ...arrival, message, row }, problem)
}

/** What tasks are found by fits into an index: an id that does not is for the quarantine, with its message as it is. */
function storable(task: TaskEntry): TaskEntry {
  const { taskId } = task
  if (fitsIndex(taskId)) return task
  const bytes = Buffer.byteLength(taskId)
  throw new ProtocolError(
    'MESSAGE_INVALID',
    `its id has ${taskId.length} characters (${bytes} bytes), expected at most ${LONGEST_ID} (${LONGEST_ID_BYTES} bytes)`,
  )
}

function quarantined(known: Known, problem: Problem): MirrorRecord {
  const task = rowFromHeaders(known)
  const id = task?.taskId ?? storableOrNull(identify(known.message).id)
  // The message has all of it.
  const taskId = id === null || id.length <= LONGEST_ID / 2 ? id : `${id.slice(0, LONGEST_ID / 2)}…`
  return mirroredAs(known, { task, taskId, problem })
}

function mirroredAs(
  known: Known,
  read: Pick<MirrorRecord, 'task' | 'taskId' | 'problem'>,
): MirrorRecord {
  const { task, taskId, problem } = read
  return { delivery: known.delivery, message: known.row, queue: known.queue, task, taskId, problem }
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
    return { ...taskEntry(request, known), args: null, kwargs: null, firstCall: null }
  } catch {
    // The headers are wrong as well; the quarantine names the pickle.
    return null
  }
}

const PICKLE = 'application/x-python-serialize'
const NO_ARGUMENTS = Buffer.from('[[], {}, {}]')
