import type { Delivery } from '../../brokers/broker.ts'
import type { MessageLimits } from '../../codecs/limits.ts'
import { ProtocolError } from '../../errors.ts'
import { takesTurns } from '../../protocol/body-in-turn.ts'
import { readEvents, readEventsInTurn } from '../../protocol/events/decode-events.ts'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import type { MessageEntry } from '../mirror/message-entry.ts'
import type { TaskEntry } from '../mirror/task-entry.ts'
import type { Problem } from '../mirror/types.ts'
import { problemOf, unreadEntry } from '../mirror/unread-entry.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { type EventEntry, eventEntry } from './event-entry.ts'
import { eventTask } from './event-task.ts'
import { isCredible, WorkerClocks } from './worker-clocks.ts'
import { TaskEventSenders, type WorkerEntry, workerEntry } from './worker-entry.ts'

/** A message of events as rows. Where some of them cannot be read, the message is kept in the quarantine as well. */
export interface EventRecord {
  readonly delivery: Delivery
  readonly receivedAtMs: number
  /** Rows of monitor.event. */
  readonly events: readonly EventEntry[]
  readonly tasks: readonly TaskEntry[]
  readonly workers: readonly WorkerEntry[]
  /** The whole of it, for the quarantine. */
  readonly message: MessageEntry | null
  /** Of no single task. */
  readonly taskId: null
  readonly problem: Problem | null
}

interface EventRecordOptions {
  readonly privacy: Privacy
  readonly receivedAtMs?: number
  /** The workers that are known to send events of their tasks. */
  readonly senders?: TaskEventSenders
  readonly limits?: MessageLimits | undefined
  readonly clocks?: WorkerClocks
}

/** Never throws, and never rejects; a message that is compressed or large takes its time. */
export function eventRecord(
  delivery: Delivery,
  options: EventRecordOptions,
): EventRecord | Promise<EventRecord> {
  const { privacy, limits, receivedAtMs = Date.now() } = options
  const { senders = new TaskEventSenders(), clocks = new WorkerClocks() } = options
  const arrived = { delivery, privacy, receivedAtMs, senders, clocks }
  const { message } = delivery
  if (!takesTurns(message)) return recordOf(arrived, readEvents(message, limits))
  return readEventsInTurn(message, limits).then((read) => recordOf(arrived, read))
}

interface Arrived {
  readonly delivery: Delivery
  readonly privacy: Privacy
  readonly receivedAtMs: number
  readonly senders: TaskEventSenders
  readonly clocks: WorkerClocks
}

interface Read {
  readonly events: readonly CeleryEvent[]
  readonly problem: unknown
}

/** An event that cannot become rows, for any reason, is kept once, and does not come back. */
function recordOf(arrived: Arrived, read: Read): EventRecord {
  try {
    return rowsOf(arrived, read)
  } catch (problem) {
    return rowsOf(arrived, { events: [], problem })
  }
}

function rowsOf(arrived: Arrived, { events, problem }: Read): EventRecord {
  // Alone it spoils nothing: PostgreSQL itself says what it has against it.
  const giants = events.length === 1 ? [] : events.flatMap((event) => giantIn(event) ?? [])
  const storable = giants.length === 0 ? events : events.filter((event) => giantIn(event) === null)
  const heard = storable.map((event) => heardOf(event, arrived))
  const { delivery, receivedAtMs } = arrived
  return {
    delivery,
    receivedAtMs,
    events: heard.filter(({ isKept }) => isKept).map(({ entry }) => entry),
    tasks: heard.flatMap(({ task }) => task ?? []),
    workers: heard.flatMap(({ worker }) => worker ?? []),
    taskId: null,
    ...keptOf(arrived, problem ?? giants[0] ?? null),
  }
}

/** What rows are found by, and how many bytes of it an index of PostgreSQL takes. */
const KEYS = ['uuid', 'hostname']
const LONGEST_KEY = 2600
/** So many characters are never more bytes than that. */
const SHORT = LONGEST_KEY / 4

/** No table could take such an event: its row would be refused, and with it those that it travelled with. */
function giantIn(event: CeleryEvent): ProtocolError | null {
  for (const key of KEYS) {
    const value = event[key]
    const text = typeof value === 'bigint' ? String(value) : value
    const bytes = typeof text === 'string' && text.length > SHORT ? Buffer.byteLength(text) : 0
    if (bytes > LONGEST_KEY) {
      const problem = `${key} of an event has ${bytes} bytes, expected at most ${LONGEST_KEY}`
      return new ProtocolError('MESSAGE_INVALID', problem)
    }
  }
  return null
}

function heardOf(event: CeleryEvent, { privacy, receivedAtMs, senders, clocks }: Arrived) {
  const entry = notedEntry(eventEntry(event, privacy), receivedAtMs)
  const atMs = clocks.timeOf(event, receivedAtMs)
  return {
    entry,
    task: eventTask(event, { entry, privacy, receivedAtMs, atMs }),
    worker: workerEntry(event, entry, { senders, clocks, atMs }),
    // One comes every two seconds of each worker, to say that nothing has changed.
    isKept: event.type !== 'worker-heartbeat',
  }
}

/** An event of 1970 says so, where someone looks at it. */
function notedEntry(entry: EventEntry, receivedAtMs: number): EventEntry {
  if (isCredible(entry.happenedAtMs, receivedAtMs)) return entry
  const note = '"remark":"its timestamp is not credible: the time when it came counts instead"'
  const rest = entry.fields.slice(1)
  return { ...entry, fields: rest === '}' ? `{${note}}` : `{${note},${rest}` }
}

function keptOf(arrived: Arrived, cause: unknown): Pick<EventRecord, 'message' | 'problem'> {
  if (cause === null) return { message: null, problem: null }
  const { message: published, route } = arrived.delivery
  const { row, problem } = unreadEntry({ ...arrived, published, route }, problemOf(cause))
  return { message: row, problem }
}
