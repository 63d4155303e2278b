import { inspect } from 'node:util'
import {
  type CalendarDay,
  type Clock,
  dateTimeFields,
  dayFields,
  dayText,
  epochOf,
  timeFields,
} from './iso-text.ts'

export { dateText, isoText } from './iso-text.ts'

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
    const day = dayFields(text)
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

function refuseChange(): never {
  throw new TypeError('a DateTime cannot be changed; make a new one')
}
