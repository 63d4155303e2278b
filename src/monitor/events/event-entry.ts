import { hash } from 'node:crypto'
import type { CeleryEvent } from '../../protocol/events/events.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'
import { jsonbText } from '../stored/stored-json.ts'

/** A row of monitor.event: what a task, a worker or any other sender reported. */
export interface EventEntry {
  readonly type: string
  /** To the microsecond, by the sender's clock. */
  readonly happenedAtMs: number
  readonly hostname: string | null
  /** A bigint's digits. */
  readonly clock: string | null
  readonly taskId: string | null
  /** What has no column of its own, as text for a jsonb column. */
  readonly fields: string
  /** In hex; the same for each copy of an event, however often it is delivered. */
  readonly digest: string
}

export function eventEntry(event: CeleryEvent, privacy: Privacy): EventEntry {
  const { type, timestamp, hostname, clock, uuid, ...rest } = event
  const entry = {
    type: storableText(type),
    happenedAtMs: eventTimeMs(event),
    hostname: eventText(hostname),
    clock: clockText(clock),
    taskId: eventText(uuid),
    fields: jsonbText(safeFields(rest, privacy)),
  }
  return { ...entry, digest: digestOf(entry, timestamp) }
}

/** As PostgreSQL keeps it, so that both compare times alike. */
export function eventTimeMs({ timestamp }: CeleryEvent): number {
  return Math.round(Number(timestamp) * 1e6) / 1e3
}

/** An id that was sent as a number is its digits, as everywhere in Celery. */
export function eventText(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && value !== '' ? storableText(value) : null
}

type Fields = Readonly<Record<string, unknown>>

/** What REDACT names is in there, too: in results, in reprs of arguments, in tracebacks. */
function safeFields(fields: Fields, privacy: Privacy): Fields {
  if (!privacy.hasRules) return fields
  const task = typeof fields.name === 'string' ? fields.name : null
  return Object.fromEntries(
    Object.entries(privacy.value(fields) as Fields).map(([name, value]) => {
      if (name === 'args' || name === 'kwargs')
        return [name, safeArguments(value, name, { privacy, task })]
      return [name, name === 'outcome' ? safeOutcome(value, privacy) : privacy.texts(value)]
    }),
  )
}

function safeArguments(
  value: unknown,
  name: 'args' | 'kwargs',
  { privacy, task }: { readonly privacy: Privacy; readonly task: string | null },
): unknown {
  if (typeof value === 'string') return privacy.argumentsText(value, task)
  return privacy.texts(privacy.arguments(value, name, task))
}

/** A result is no text to search, but what an error says of itself is. */
function safeOutcome(value: unknown, privacy: Privacy): unknown {
  if (!isRecord(value)) return privacy.texts(value)
  return { ...(privacy.texts(value) as Fields), result: privacy.outcome(value.result) }
}

const LARGEST_CLOCK = 2n ** 63n

function clockText(clock: unknown): string | null {
  if (typeof clock === 'number') return Number.isSafeInteger(clock) ? String(clock) : null
  const isClock = typeof clock === 'bigint' && clock < LARGEST_CLOCK && clock >= -LARGEST_CLOCK
  return isClock ? String(clock) : null
}

function digestOf(entry: Omit<EventEntry, 'digest'>, timestamp: unknown): string {
  const { type, hostname, clock, taskId, fields } = entry
  const identity = JSON.stringify([type, timestamp, hostname, clock, taskId])
  return hash('sha256', identity + fields)
}
