import { DEFAULT_LIMITS, type MessageLimits, tooLarge } from '../../codecs/limits.ts'
import { ProtocolError } from '../../errors.ts'
import { bodyInTurn } from '../body-in-turn.ts'
import { acceptedSerializer, decodeBody } from '../content.ts'
import { invalidField, isRecord, requiredText } from '../field-readers.ts'
import type { Message } from '../message.ts'
import { showValue } from '../show-value.ts'
import type { CeleryEvent } from './events.ts'

/** What of a message of events could be read, and why the rest could not. */
export interface ReadEvents {
  readonly events: readonly CeleryEvent[]
  readonly problem: ProtocolError | null
}

/** Any value of event_serializer but pickle. */
const READABLE = ['json', 'yaml', 'msgpack']

/** The events of a message, one or a list of them as workers batch them, as far as they can be read: one bad event does not spoil those it travels with. Never throws. */
export function readEvents(message: Message, limits?: MessageLimits): ReadEvents {
  try {
    return eventsIn(decodeBody(message, acceptedSerializer(message, READABLE), limits))
  } catch (cause) {
    return { events: [], problem: asProblem(cause) }
  }
}

/** The same for a message that takes its turn: compressed, or large. */
export async function readEventsInTurn(
  message: Message,
  limits: MessageLimits = DEFAULT_LIMITS,
): Promise<ReadEvents> {
  const maxNodes = Math.min(limits.maxNodes, MOST_VALUES)
  try {
    return eventsIn(await bodyInTurn(message, READABLE, { ...limits, maxNodes }))
  } catch (cause) {
    return { events: [], problem: asProblem(cause) }
  }
}

/** What is read of events is written down again, as rows: it takes more than what is read of a task. */
const MOST_VALUES = 1_000_000
/** No worker holds so many back, to send them together. */
const MOST_EVENTS = 10_000

function eventsIn(body: unknown): ReadEvents {
  if (Array.isArray(body) && body.length > MOST_EVENTS) {
    throw tooLarge(`a message of ${body.length} events, expected at most ${MOST_EVENTS}`)
  }
  const list: readonly unknown[] = Array.isArray(body) ? body : [body]
  const events: CeleryEvent[] = []
  const problems: ProtocolError[] = []
  list.forEach((value, at) => {
    try {
      events.push(checkedEvent(value))
    } catch (cause) {
      problems.push(within(asProblem(cause), at, list.length))
    }
  })
  return { events, problem: problems[0] ?? null }
}

function checkedEvent(value: unknown): CeleryEvent {
  if (!isRecord(value)) throw invalidField('the event', value, 'an object')
  const { type, timestamp } = value
  if (typeof type !== 'string' || type === '')
    throw invalidField('type', type, 'a text, as "task-started"')
  if (!isTime(timestamp))
    throw invalidField(`timestamp of ${type}`, timestamp, 'seconds since 1970')
  if (TASK_EVENTS.has(type)) requiredText(value, 'uuid')
  if (WORKER_EVENTS.has(type)) requiredText(value, 'hostname')
  return value as CeleryEvent // its type was looked at just now
}

/** Until the year 9999, which is as far as any clock goes. */
function isTime(timestamp: unknown): boolean {
  return typeof timestamp === 'number' && timestamp >= 0 && timestamp < 253_402_300_800
}

/** Those that say something of one task. https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference */
const TASK_EVENTS: ReadonlySet<string> = new Set([
  'task-sent',
  'task-received',
  'task-started',
  'task-succeeded',
  'task-failed',
  'task-rejected',
  'task-revoked',
  'task-retried',
  'task-cancelled',
])

const WORKER_EVENTS: ReadonlySet<string> = new Set([
  'worker-online',
  'worker-heartbeat',
  'worker-offline',
])

function within(problem: ProtocolError, at: number, count: number): ProtocolError {
  if (count === 1) return problem
  return new ProtocolError(problem.code, `event ${at + 1} of ${count}: ${problem.message}`, {
    cause: problem,
  })
}

function asProblem(cause: unknown): ProtocolError {
  if (cause instanceof ProtocolError) return cause
  return new ProtocolError(
    'MESSAGE_UNDECODABLE',
    `reading events failed: ${cause instanceof Error ? cause.message : showValue(cause)}`,
    {
      cause,
    },
  )
}
