import { encodeWhole, type Format, hasToJson, notDataReason, UNENCODABLE } from '../encodable.ts'
import { type CalendarDay, type Clock, utcFields } from '../iso-text.ts'
import { isWholeNumber } from '../numbers.ts'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  TimeDelta,
  Tuple,
  Uuid,
} from '../values.ts'
import { Op, PickleOutput } from './pickle-output.ts'

/** A pickle of protocol 4, which every Python since 3.4 reads: plain data, and values Python has a class for. */
export function writePickle(value: unknown, maxNodes?: number): Buffer {
  return encodeWhole(value, PICKLE_FORMAT, () => {
    const out = new PickleOutput(value, maxNodes)
    out.start()
    write(out, value, PICKLE_FORMAT.maxDepth)
    return out.finish()
  })
}

const PICKLE_FORMAT: Format = {
  name: 'pickle',
  maxDepth: 900,
  reason: unwritableReason,
  keyReason: unhashableReason,
}

function unwritableReason(value: unknown): string | null {
  const member =
    value instanceof Set ? [...value].find((each) => unhashableReason(each) !== null) : undefined
  return member === undefined
    ? notDataReason(value)
    : `its member ${typeof member}: ${unhashableReason(member)}`
}

/** Python takes no list, dict or set as key of a dict or member of a set. */
function unhashableReason(key: unknown): string | null {
  if (typeof key !== 'object' || key === null) return notDataReason(key)
  if (key instanceof Tuple)
    return key.map(unhashableReason).find((reason) => reason !== null) ?? null
  return isKnown(key) ? notDataReason(key) : 'Python cannot hash it; use text, a number or a Tuple'
}

const KNOWN = [Date, Uint8Array, Decimal, Uuid, Float, LocalDate, LocalTime, TimeDelta] as const

function isKnown(value: object): boolean {
  return KNOWN.some((type) => value instanceof type)
}

function write(out: PickleOutput, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      out.text(value)
      break
    case 'number':
      isWholeNumber(value) ? out.int(value) : out.float(value)
      break
    case 'bigint':
      out.long(value)
      break
    case 'boolean':
      out.op(value ? Op.NEWTRUE : Op.NEWFALSE)
      break
    case 'undefined':
      out.op(Op.NONE)
      break
    case 'object':
      value === null ? out.op(Op.NONE) : writeObject(out, value, depth - 1)
      break
    default:
      throw UNENCODABLE
  }
}

function writeObject(out: PickleOutput, value: object, depth: number): void {
  if (depth < 0) throw UNENCODABLE
  if (value instanceof Tuple) writeTuple(out, value, depth)
  else if (Array.isArray(value)) writeItems(out, value, { ...LIST, depth })
  else if (isPlain(value)) writeDict(out, Object.entries(value), depth)
  else if (value instanceof Map) writeDict(out, value, depth)
  else if (isKnown(value)) writeKnown(out, value)
  else if (unwritableReason(value) !== null) throw UNENCODABLE
  else if (value instanceof Set) writeItems(out, [...value], { ...SET, depth })
  else if (hasToJson(value)) write(out, value.toJSON(''), depth)
  else writeDict(out, Object.entries(value), depth)
}

/** Most objects are plain, and need no closer look. */
function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype && !('toJSON' in value)
}

const LIST = { open: Op.EMPTY_LIST, close: Op.APPENDS } as const
const SET = { open: Op.EMPTY_SET, close: Op.ADDITEMS } as const

interface Frame {
  readonly open: number
  readonly close: number
  readonly depth: number
}

function writeItems(out: PickleOutput, items: readonly unknown[], frame: Frame): void {
  out.op(frame.open)
  if (items.length === 0) return
  out.nodes.take(items.length)
  out.op(Op.MARK)
  for (const item of items) write(out, item, frame.depth)
  out.op(frame.close)
}

function writeTuple(out: PickleOutput, items: readonly unknown[], depth: number): void {
  out.nodes.take(items.length)
  out.op(items.length === 0 ? Op.EMPTY_TUPLE : Op.MARK)
  for (const item of items) write(out, item, depth)
  if (items.length > 0) out.op(Op.TUPLE)
}

/** As in JSON, what is undefined is left out. */
function writeDict(
  out: PickleOutput,
  entries: Iterable<readonly [unknown, unknown]>,
  depth: number,
): void {
  out.op(Op.EMPTY_DICT)
  out.op(Op.MARK)
  for (const [key, value] of entries) {
    if (value === undefined) continue
    out.nodes.take(1)
    if (typeof key !== 'string' && unhashableReason(key) !== null) throw UNENCODABLE
    write(out, key, depth)
    write(out, value, depth)
  }
  out.op(Op.SETITEMS)
}

function writeKnown(out: PickleOutput, value: object): void {
  if (value instanceof Uint8Array) out.binary(value)
  else if (value instanceof Float) out.float(value.value)
  else if (value instanceof Date) writeDateTime(out, value)
  else if (value instanceof Decimal) writeCall(out, 'decimal.Decimal', [value.text])
  else if (value instanceof Uuid) writeCall(out, 'uuid.UUID', [value.hex])
  else if (value instanceof LocalDate) writeCall(out, 'datetime.date', dayArgs(value))
  else if (value instanceof LocalTime) writeCall(out, 'datetime.time', clockArgs(value.fields))
  else if (value instanceof TimeDelta) writeTimeDelta(out, value)
}

function writeTimeDelta(out: PickleOutput, { days, seconds, microseconds }: TimeDelta): void {
  writeCall(out, 'datetime.timedelta', [days, seconds, microseconds])
}

function writeDateTime(out: PickleOutput, date: Date): void {
  if (Number.isNaN(date.getTime())) throw UNENCODABLE
  const fields = date instanceof DateTime ? date.fields : utcFields(date)
  writeCall(out, 'datetime.datetime', [...dayArgs(fields), ...clockArgs(fields)])
}

/** What Python calls to have the value again: a class of its own library, with plain arguments. */
function writeCall(out: PickleOutput, path: string, args: readonly unknown[]): void {
  writeName(out, path)
  out.op(Op.MARK)
  for (const arg of args) {
    if (arg instanceof TimeDelta) writeZone(out, arg)
    else write(out, arg, 0)
  }
  out.op(Op.TUPLE)
  out.op(Op.REDUCE)
}

function writeZone(out: PickleOutput, offset: TimeDelta): void {
  writeName(out, 'datetime.timezone')
  writeKnown(out, offset)
  out.op(Op.TUPLE1)
  out.op(Op.REDUCE)
}

function writeName(out: PickleOutput, path: string): void {
  const [module = '', name = ''] = path.split('.')
  out.text(module)
  out.text(name)
  out.op(Op.STACK_GLOBAL)
}

function dayArgs(day: CalendarDay): number[] {
  return [day.year, day.month, day.day]
}

/** Hour to microsecond; an offset follows as the TimeDelta of its time zone. */
function clockArgs(clock: Clock): unknown[] {
  const reading = [clock.hour, clock.minute, clock.second, clock.microsecond]
  return clock.offsetSeconds === null
    ? reading
    : [...reading, new TimeDelta(0, clock.offsetSeconds)]
}
