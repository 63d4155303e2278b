import { inspect } from 'node:util'
import { ProtocolError } from '../errors.ts'

const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`
const TIME = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?`
const OFFSET = String.raw`(Z|[+-]\d\d:?\d\d(?::?\d\d(?:\.\d{1,6})?)?)?`
const DATE_ONLY = new RegExp(`^${DATE}$`)
const TIME_ONLY = new RegExp(`^${TIME}${OFFSET}$`)
const DATE_TIME = new RegExp(`^${DATE}(?:[Tt ]${TIME}${OFFSET})?$`)

/** A clock reading, as Python's `datetime` counts it. */
export interface Clock {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  /** Seconds east of UTC; null where the text names no offset. */
  readonly offsetSeconds: number | null
}

/** A day of the calendar. */
export interface CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** The ISO text Python's `isoformat()` gives for these fields. */
export function isoText(fields: CalendarDay & Clock): string {
  return `${dayText(fields)}T${clockText(fields)}`
}

/** The time part of `isoformat()`: microseconds only where there are any. */
export function clockText(clock: Clock): string {
  const fraction = clock.microsecond === 0 ? '' : `.${digits(clock.microsecond, 6)}`
  const time = `${digits(clock.hour, 2)}:${digits(clock.minute, 2)}:${digits(clock.second, 2)}`
  return time + fraction + offsetText(clock.offsetSeconds)
}

/** A JavaScript Date as Python's `isoformat()` writes the same instant in UTC. */
export function dateText(date: Date): string {
  const iso = date.toISOString()
  const fraction = iso.slice(20, 23)
  if (iso.length !== 24) throw malformed('date', iso, 'a year from 1 to 9999')
  return `${iso.slice(0, 19)}${fraction === '000' ? '' : `.${fraction}000`}+00:00`
}

/** The parts of a datetime. */
export function dateTimeFields(text: string): CalendarDay & Clock {
  const match = DATE_TIME.exec(text)
  if (match === null) throw malformed('datetime', text, '2020-01-31T12:30:00.000001+00:00')
  return { ...dayOf(match, text), ...clockOf(match.slice(3), text) }
}

/** The parts of a date without a time. */
export function dayFields(text: string): CalendarDay {
  const match = DATE_ONLY.exec(text)
  if (match === null) throw malformed('date', text, '2020-01-31')
  return dayOf(match, text)
}

/** The parts of a time of day. */
export function timeFields(text: string): Clock {
  const match = TIME_ONLY.exec(text)
  if (match === null) throw malformed('time', text, '12:30:00.000001')
  return clockOf(match, text)
}

function dayOf(match: readonly string[], text: string): CalendarDay {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const date = new Date(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`)
  if (year < 1 || Number.isNaN(date.getTime()) || date.getUTCDate() !== day) {
    throw malformed('date', text, 'a day the calendar has')
  }
  return { year, month, day }
}

function clockOf(match: readonly (string | undefined)[], text: string): Clock {
  const clock = {
    hour: Number(match[1] ?? 0),
    minute: Number(match[2] ?? 0),
    second: Number(match[3] ?? 0),
    microsecond: Number((match[4] ?? '').padEnd(6, '0').slice(0, 6)),
    offsetSeconds: offsetOf(match[5]),
  }
  if (clock.hour > 23 || clock.minute > 59 || clock.second > 59) {
    throw malformed('time', text, 'a time before 24:00:00')
  }
  return clock
}

function offsetOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (text === 'Z') return 0
  const [hours, minutes, seconds] =
    text
      .slice(1)
      .replaceAll(':', '')
      .match(/^..|..(?:\..*)?/g) ?? []
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)
  return text.startsWith('-') ? -size : size
}

function offsetText(offset: number | null): string {
  if (offset === null) return ''
  const size = Math.abs(offset)
  const seconds = size % 60 === 0 ? '' : `:${digits(size % 60, 2)}`
  const hours = digits(Math.floor(size / 3600), 2)
  return `${offset < 0 ? '-' : '+'}${hours}:${digits(Math.floor(size / 60) % 60, 2)}${seconds}`
}

/** The parts of a plain Date, in UTC. */
export function utcFields(date: Date): CalendarDay & Clock {
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) return dateTimeFields(date.toISOString())
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    offsetSeconds: 0,
  }
}

/** Milliseconds since 1970; without an offset the reading is taken for UTC. */
export function epochOf(fields: CalendarDay & Clock): number {
  const midnight = Date.parse(`${dayText(fields)}T00:00:00Z`)
  const seconds =
    fields.hour * 3600 + fields.minute * 60 + fields.second - (fields.offsetSeconds ?? 0)
  return midnight + seconds * 1000 + Math.floor(fields.microsecond / 1000)
}

/** A date as `isoformat()` gives it. */
export function dayText(day: CalendarDay): string {
  return `${digits(day.year, 4)}-${digits(day.month, 2)}-${digits(day.day, 2)}`
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function malformed(kind: string, text: string, expected: string): ProtocolError {
  const shown = inspect(text.slice(0, 60))
  return new ProtocolError('MESSAGE_UNDECODABLE', `${shown} is not a ${kind}; expected ${expected}`)
}
