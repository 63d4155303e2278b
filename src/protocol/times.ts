import { dateText, isoText } from '../codecs/temporal.ts'
import { DateTime } from '../codecs/values.ts'
import { ProtocolError } from '../errors.ts'
import { showValue } from './show-value.ts'

/**
 * ISO 8601 as Python's parsers take it: a calendar date, then perhaps a time and an offset, with or without
 * separators (2031-02-03T04:05:06.789Z, 2031-02-03 04:05+0100, 20310203T040506).
 */
const ISO =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[Tt ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/

/** A time in the form Python's isoformat() gives: an offset in digits, a fraction only where there is one. */
export function toIso(date: Date | string): string {
  if (typeof date === 'string') {
    parseIso(date)
    return date
  }
  return date instanceof DateTime ? isoText(date.fields) : dateText(validDate(date))
}

/** The time so many seconds after `now`, in a time zone such as "Europe/Paris" (UTC where none is given). */
export function isoAfterSeconds(seconds: number, now: Date, timezone?: string): string {
  const date = new Date(now.getTime() + seconds * 1000)
  return isoWithOffset(date, timezone === undefined ? 0 : offsetMinutes(date, timezone))
}

/** The time zone of this machine, such as "Europe/Paris". */
export function localTimezone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** Reads any ISO 8601 time Python reads; without an offset it means UTC, as Celery has it. */
export function parseIso(text: string): Date {
  const parts = ISO.exec(text)
  const ms = parts === null ? Number.NaN : epochMs(parts)
  if (Number.isNaN(ms)) {
    throw new ProtocolError(
      'MESSAGE_INVALID',
      `${showValue(text)} is not a time, expected ISO 8601 such as "2031-02-03T04:05:06+00:00"`,
    )
  }
  return new Date(ms)
}

/** Whole milliseconds until a message expires; 0 when it already has. */
export function expirationMs(expires: Date | string, now: Date): number {
  const date = typeof expires === 'string' ? parseIso(expires) : expires
  return Math.max(0, Math.trunc(date.getTime() - now.getTime()))
}

function epochMs(parts: RegExpExecArray): number {
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0'] = parts
  const midnight = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  // Date.parse takes the 30th of February for the 2nd of March.
  const isRealDay = new Date(midnight).getUTCDate() === Number(day) && year !== '0000'
  if (!isRealDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    return Number.NaN
  }
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  const fraction = Number(`${parts[7] ?? ''}000`.slice(0, 3))
  return midnight + seconds * 1000 + fraction - offsetMs(parts[8])
}

function offsetMs(offset: string | undefined): number {
  if (offset === undefined || offset === 'Z' || offset === 'z') return 0
  const digits = offset.slice(1).replace(':', '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4))
  if (minutes >= 24 * 60 || Number(digits.slice(2, 4)) > 59) return Number.NaN
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000
}

function isoWithOffset(date: Date, offset: number): string {
  const local = dateText(validDate(new Date(date.getTime() + offset * 60_000)))
  return local.slice(0, -'+00:00'.length) + offsetText(offset)
}

function validDate(date: Date): Date {
  const ms = date.getTime()
  if (ms >= FIRST_MS && ms <= LAST_MS) return date
  throw new ProtocolError(
    'VALUE_UNENCODABLE',
    `a time is ${Number.isNaN(ms) ? 'an invalid Date' : date.toISOString()}, expected a year from 1 to 9999`,
  )
}

/** Python's datetime knows the years 1 to 9999. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

function offsetText(offset: number): string {
  const minutes = Math.abs(offset)
  const [hour, minute] = [Math.trunc(minutes / 60), minutes % 60].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${offset < 0 ? '-' : '+'}${hour}:${minute}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Made once for each zone, as it takes longer than its use. */
function formatOf(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' })
  formats.set(timezone, format)
  return format
}

/** How far a time zone is ahead of UTC at that time. */
function offsetMinutes(date: Date, timezone: string): number {
  const name =
    formatOf(timezone)
      .formatToParts(date)
      .find((part) => part.type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []
  const offset = Number(hours) * 60 + Number(minutes)
  return sign === '-' ? -offset : offset
}
