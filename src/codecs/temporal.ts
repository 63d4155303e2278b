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

export interface CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/**
 * A Python datetime: a Date that keeps the text it came as, with its microseconds and its offset.
 * Without an offset (`isNaive`) it is taken for UTC.
 */
export class DateTime extends Date {
  /** The exact ISO 8601 text. */
  readonly text: string
  readonly isNaive: boolean

  constructor(text: string) {
    const fields = dateTimeFields(text)
    super(epochOf(fields))
    this.text = text
    this.isNaive = fields.offsetSeconds === null
    Object.freeze(this)
  }

  /** The fields as written, before any shift to UTC. */
  get fields(): CalendarDay & Clock {
    return dateTimeFields(this.text)
  }

  override toString(): string {
    return this.text
  }

  override toJSON(): string {
    return this.text
  }

  [inspect.custom](): string {
    return `DateTime(${this.text})`
  }
}

// A frozen Date can still be set: freezing does not reach the time inside it.
for (const name of Object.getOwnPropertyNames(Date.prototype)) {
  if (name.startsWith('set')) {
    Object.defineProperty(DateTime.prototype, name, { value: refuseChange })
  }
}

/** A calendar date without a time: Python's `date`. */
export class LocalDate implements CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number

  constructor(text: string) {
    const match = DATE_ONLY.exec(text)
    if (match === null) throw malformed('date', text, '2020-01-31')
    const day = dayOf(match, text)
    this.year = day.year
    this.month = day.month
    this.day = day.day
    Object.freeze(this)
  }

  toString(): string {
    return dayText(this)
  }

  toJSON(): string {
    return dayText(this)
  }

  [inspect.custom](): string {
    return `LocalDate(${dayText(this)})`
  }
}

/** A time of day without a date: Python's `time`. */
export class LocalTime {
  /** The exact ISO 8601 text. */
  readonly text: string

  constructor(text: string) {
    timeFields(text)
    this.text = text
    Object.freeze(this)
  }

  get fields(): Clock {
    return timeFields(this.text)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  [inspect.custom](): string {
    return `LocalTime(${this.text})`
  }
}

/** A span of time: Python's `timedelta`, kept as its three parts (JSON has no form for it). */
export class TimeDelta {
  readonly days: number
  readonly seconds: number
  readonly microseconds: number

  constructor(days: number, seconds = 0, microseconds = 0) {
    this.days = days
    this.seconds = seconds
    this.microseconds = microseconds
    Object.freeze(this)
  }

  get totalSeconds(): number {
    return this.days * 86_400 + this.seconds + this.microseconds / 1e6
  }

  toString(): string {
    return `${this.totalSeconds}s`
  }

  /** Seconds, as `timedelta.total_seconds()`. */
  toJSON(): number {
    return this.totalSeconds
  }

  [inspect.custom](): string {
    return `TimeDelta(${this.toString()})`
  }
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

function dateTimeFields(text: string): CalendarDay & Clock {
  const match = DATE_TIME.exec(text)
  if (match === null) throw malformed('datetime', text, '2020-01-31T12:30:00.000001+00:00')
  return { ...dayOf(match, text), ...clockOf(match.slice(3), text) }
}

function timeFields(text: string): Clock {
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

function epochOf(fields: CalendarDay & Clock): number {
  const midnight = Date.parse(`${dayText(fields)}T00:00:00Z`)
  const seconds =
    fields.hour * 3600 + fields.minute * 60 + fields.second - (fields.offsetSeconds ?? 0)
  return midnight + seconds * 1000 + Math.floor(fields.microsecond / 1000)
}

function dayText(day: CalendarDay): string {
  return `${digits(day.year, 4)}-${digits(day.month, 2)}-${digits(day.day, 2)}`
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function malformed(kind: string, text: string, expected: string): ProtocolError {
  const shown = inspect(text.slice(0, 60))
  return new ProtocolError('MESSAGE_UNDECODABLE', `${shown} is no ${kind}; expected ${expected}`)
}

function refuseChange(): never {
  throw new TypeError('a DateTime cannot be changed; make a new one')
}
