import { isUtf8 } from 'node:buffer'
import { isLongInteger, LONG_INTEGER } from '../encodable.ts'
import { type CalendarDay, type Clock, utcFields } from '../iso-text.ts'
import { floatText, isWholeNumber } from '../numbers.ts'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Uuid,
} from '../values.ts'

/** How Python prints a value that is no container. */
export function primitiveRepr(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return isWholeNumber(value) ? String(value) : floatText(value)
    case 'boolean':
      return value ? 'True' : 'False'
    case 'function':
      return `<function ${value.name || 'anonymous'}>`
    case 'undefined':
      return 'None'
    case 'bigint':
      return isLongInteger(value) ? `<${LONG_INTEGER}>` : String(value)
    default:
      return value === null ? 'None' : String(value)
  }
}

/** How Python prints an object that is one value; undefined for a container. */
export function objectRepr(value: object): string | undefined {
  if (value instanceof Float) return floatText(value.value)
  if (value instanceof Decimal) return `Decimal('${value.text}')`
  if (value instanceof Uuid) return `UUID('${value.text}')`
  if (value instanceof Date) return dateTimeRepr(value)
  if (value instanceof LocalDate) return `datetime.date(${dayOf(value)})`
  if (value instanceof LocalTime) return `datetime.time(${clockOf(value.fields)})`
  if (value instanceof TimeDelta) return timeDeltaRepr(value)
  if (value instanceof PythonObject) return value.toString()
  if (value instanceof Set) return 'set()'
  if (value instanceof Error) return errorRepr(value)
  return undefined
}

/** Bytes as Celery shows them: as text where they are UTF-8, else as hexadecimal digits. */
export function bytesRepr(bytes: Uint8Array, isCut: boolean): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return `b'${buffer.toString(isUtf8(buffer) ? 'utf8' : 'hex')}${isCut ? '...' : ''}'`
}

function dateTimeRepr(date: Date): string {
  if (Number.isNaN(date.getTime())) return '<invalid Date>'
  const fields = date instanceof DateTime ? date.fields : utcFields(date)
  return `datetime.datetime(${dayOf(fields)}, ${clockOf(fields)})`
}

function dayOf(day: CalendarDay): string {
  return `${day.year}, ${day.month}, ${day.day}`
}

// Python leaves out microseconds that are zero, and then seconds that are.
function clockOf(clock: Clock): string {
  const parts: (number | string)[] = [clock.hour, clock.minute]
  if (clock.second !== 0 || clock.microsecond !== 0) parts.push(clock.second)
  if (clock.microsecond !== 0) parts.push(clock.microsecond)
  if (clock.offsetSeconds !== null) parts.push(`tzinfo=${zoneRepr(clock.offsetSeconds)}`)
  return parts.join(', ')
}

function zoneRepr(offsetSeconds: number): string {
  if (offsetSeconds === 0) return 'datetime.timezone.utc'
  const days = Math.floor(offsetSeconds / 86_400)
  return `datetime.timezone(${timeDeltaRepr(new TimeDelta(days, offsetSeconds - days * 86_400))})`
}

function timeDeltaRepr(delta: TimeDelta): string {
  const parts = [
    delta.days === 0 ? '' : `days=${delta.days}`,
    delta.seconds === 0 ? '' : `seconds=${delta.seconds}`,
    delta.microseconds === 0 ? '' : `microseconds=${delta.microseconds}`,
  ].filter((part) => part !== '')
  return `datetime.timedelta(${parts.join(', ') || '0'})`
}

/** Both are texts by convention only, and may be of any length. */
function errorRepr({ name, message }: Error): string {
  const [shownName, shownMessage] = [name, message].map((part) =>
    typeof part === 'string' ? part.slice(0, LONGEST) : typeof part,
  )
  return `${shownName}(${quoted(shownMessage ?? '')})`
}

/** More than is ever shown of a value. */
const LONGEST = 4096

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`
}
