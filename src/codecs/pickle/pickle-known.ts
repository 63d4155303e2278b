import { type Clock, clockText, isoText } from '../iso-text.ts'
import { dictOf } from '../own-key.ts'
import {
  DateTime,
  Decimal,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Uuid,
} from '../values.ts'

/** What a pickle says about one object. */
interface PickledParts {
  readonly args: readonly unknown[]
  readonly state: unknown
  readonly items: readonly unknown[]
  readonly entries: readonly (readonly [unknown, unknown])[]
}

export function isKnown(path: string): boolean {
  return Object.hasOwn(KNOWN, path)
}

/** The value of an instance of a well-known class; undefined where class or arguments are not what we know. */
export function reviveKnown(path: string, parts: PickledParts): unknown {
  return isKnown(path) ? KNOWN[path]?.(parts) : undefined
}

/** The only classes we build. All are plain values: building them runs nothing of the pickle's choosing. */
const KNOWN: Readonly<Record<string, (parts: PickledParts) => unknown>> = {
  'datetime.datetime': ({ args }) => dateTime(args),
  'datetime.date': ({ args }) => localDate(args),
  'datetime.time': ({ args }) => localTime(args),
  'datetime.timedelta': ({ args }) => timeDelta(args),
  'decimal.Decimal': ({ args: [text] }) =>
    typeof text === 'string' ? new Decimal(text) : undefined,
  'uuid.UUID': uuid,
  'builtins.set': ({ args: [items = []] }) => (Array.isArray(items) ? new Set(items) : undefined),
  'builtins.frozenset': ({ args: [items = []] }) =>
    Array.isArray(items) ? new Set(items) : undefined,
  'builtins.bytes': ({ args }) => bytes(args),
  'builtins.bytearray': ({ args }) => bytes(args),
  '_codecs.encode': ({ args }) => bytes(args),
  'collections.OrderedDict': ({ args: [pairs = []], entries }) =>
    dict([...pairsOf(pairs), ...entries]),
  'collections.defaultdict': ({ entries }) => dict(entries),
  'collections.Counter': ({ args: [counts = {}] }) => counts,
  'collections.deque': ({ items }) => [...items],
}

const dict = dictOf

function pairsOf(value: unknown): (readonly [unknown, unknown])[] {
  if (!Array.isArray(value)) return []
  return value.filter(Array.isArray).map((pair) => [pair[0], pair[1]])
}

/** Ten bytes (year in two, microsecond in three) or the numbers themselves, then perhaps a time zone. */
function dateTime(args: readonly unknown[]): DateTime | undefined {
  const packed = packedBytes(args[0], 10)
  const [year = 0, month = 0, day = 0] =
    packed === undefined ? numbers(args.slice(0, 3)) : dayIn(packed)
  const clock = packed === undefined ? numbers(args.slice(3, 7)) : clockIn(packed.subarray(4))
  const zone = packed === undefined ? args[7] : args[1]
  const local = clockOf(clock, null)
  const offsetSeconds = zoneOffset(zone, isoText({ year, month, day, ...local }))
  if (offsetSeconds === undefined || year < 1) return undefined
  return new DateTime(isoText({ year, month, day, ...local, offsetSeconds }))
}

function localDate(args: readonly unknown[]): LocalDate | undefined {
  const packed = packedBytes(args[0], 4)
  const [year = 0, month = 0, day = 0] = packed === undefined ? numbers(args) : dayIn(packed)
  if (year < 1) return undefined
  return new LocalDate(isoText({ year, month, day, ...clockOf([], null) }).slice(0, 10))
}

function localTime(args: readonly unknown[]): LocalTime | undefined {
  const packed = packedBytes(args[0], 6)
  const clock = packed === undefined ? numbers(args.slice(0, 4)) : clockIn(packed)
  const offsetSeconds = zoneOffset(packed === undefined ? args[4] : args[1], '')
  if (offsetSeconds === undefined) return undefined
  return new LocalTime(clockText(clockOf(clock, offsetSeconds)))
}

function timeDelta(args: readonly unknown[]): TimeDelta {
  const [days = 0, seconds = 0, microseconds = 0] = numbers(args)
  return new TimeDelta(days, seconds, microseconds)
}

function uuid({ args, state }: PickledParts): Uuid | undefined {
  if (typeof args[0] === 'string') return new Uuid(args[0])
  const int = typeof state === 'object' && state !== null && 'int' in state ? state.int : undefined
  if (typeof int !== 'bigint' && typeof int !== 'number') return undefined
  return new Uuid(BigInt(int).toString(16).padStart(32, '0'))
}

/** bytes(), bytes(b'…'), bytes([1, 2]), and the way protocols before 3 spell bytes: encode('…', 'latin1'). */
function bytes([value, encoding]: readonly unknown[]): Buffer | undefined {
  if (value === undefined) return Buffer.alloc(0)
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return Buffer.from(numbers(value))
  if (typeof value !== 'string') return undefined
  if (encoding === 'latin1' || encoding === 'latin-1') return Buffer.from(value, 'latin1')
  return encoding === 'utf-8' || encoding === 'utf8' ? Buffer.from(value, 'utf8') : undefined
}

function dayIn(packed: Uint8Array): number[] {
  const [high = 0, low = 0, month = 0, day = 0] = packed
  return [high * 256 + low, month & 0x7f, day]
}

// The top bit of the hour (of the month, in a datetime) marks the second of two equal readings of a clock.
function clockIn(packed: Uint8Array): number[] {
  const [hour = 0, minute = 0, second = 0, high = 0, middle = 0, low = 0] = packed
  return [hour & 0x7f, minute, second, (high * 256 + middle) * 256 + low]
}

function clockOf(
  [hour = 0, minute = 0, second = 0, microsecond = 0]: readonly number[],
  offsetSeconds: number | null,
): Clock {
  return { hour, minute, second, microsecond, offsetSeconds }
}

/** Packed fields come as bytes, or from Python 2 as text. */
function packedBytes(value: unknown, length: number): Uint8Array | undefined {
  const packed = typeof value === 'string' ? Buffer.from(value, 'latin1') : value
  return packed instanceof Uint8Array && packed.length === length ? packed : undefined
}

function numbers(values: readonly unknown[]): number[] {
  return values.filter((value) => typeof value === 'number')
}

/** Seconds east of UTC at that local time; null without a zone, undefined for a zone we do not know. */
function zoneOffset(zone: unknown, local: string): number | null | undefined {
  if (zone === undefined || zone === null) return null
  if (!(zone instanceof PythonObject)) return undefined
  const [first, second] = zone.args
  switch (zone.path) {
    case 'datetime.timezone':
      return first instanceof TimeDelta ? first.totalSeconds : undefined
    case 'pytz._UTC':
    case 'dateutil.tz.tz.tzutc':
      return 0
    case 'pytz._p':
      return typeof second === 'number' ? second : 0
    case 'zoneinfo.ZoneInfo._unpickle':
      return typeof first === 'string' && local !== '' ? namedZoneOffset(first, local) : undefined
    default:
      return undefined
  }
}

/** The offset of a named zone at a local time, as the zone data of this Node has it. */
function namedZoneOffset(name: string, local: string): number | undefined {
  const format = formatOf(name)
  if (format === undefined) return undefined // the datetime stays a PythonObject
  const asUtc = new DateTime(local).getTime()
  const guess = offsetAt(format, asUtc)
  return offsetAt(format, asUtc - guess * 1000)
}

/** Making one takes a tenth of a millisecond, and a small pickle may name a zone for thousands of times. */
const FORMATS = new Map<string, Intl.DateTimeFormat | undefined>()
const MOST_FORMATS = 100

/** Undefined for a zone that this Node does not know. */
function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (FORMATS.has(timeZone)) return FORMATS.get(timeZone)
  if (FORMATS.size >= MOST_FORMATS) FORMATS.clear()
  const format = newFormat(timeZone)
  FORMATS.set(timeZone, format)
  return format
}

function newFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  } catch {
    return undefined
  }
}

function offsetAt(format: Intl.DateTimeFormat, instant: number): number {
  const name = format.format(instant)
  const [, sign, hours, minutes, seconds] = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(name) ?? []
  const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)
  return sign === '-' ? -size : size
}
