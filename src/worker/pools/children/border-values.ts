import { hasToJson } from '../../../codecs/encodable.ts'
import { setOwn } from '../../../codecs/own-key.ts'
import {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  PythonObject,
  TimeDelta,
  Tuple,
  Uuid,
} from '../../../codecs/values.ts'
import { ProtocolError } from '../../../errors.ts'
import { errorAtBorder, errorFromBorder } from './border-errors.ts'

/**
 * Values on their way between a worker and its children. Structured cloning keeps JavaScript's own data and loses all
 * classes: those of ours cross under a mark, a map whose only key is a boxed text, which no value of a user's keeps. What is no
 * data crosses as a stand-in of its kind, which the result store refuses there as it would have refused the value.
 */
export function toBorder(value: unknown): unknown {
  try {
    return new Outward().of(value)
  } catch (cause) {
    // A getter that throws, or more levels than there is stack.
    return mark('unreadable', cause instanceof Error ? cause.message : 'it cannot be read')
  }
}

/** The value again. */
export function fromBorder(value: unknown): unknown {
  return new Inward().of(value)
}

function mark(kind: string, value: unknown = null): unknown {
  return new Map([[Object(kind), value]])
}

class Outward {
  readonly #done = new Map<object, unknown>()
  readonly #copying: Copying = { done: this.#done, of: (item) => this.of(item) }

  of(value: unknown): unknown {
    if (typeof value === 'function') return mark('function', value.name)
    if (typeof value === 'symbol') return mark('symbol', value.description)
    if (typeof value !== 'object' || value === null) return value
    return this.#done.get(value) ?? this.#object(value)
  }

  #object(value: object): unknown {
    const leaf = leafAtBorder(value)
    if (leaf !== undefined) return leaf
    if (value instanceof Error) return mark('error', this.of(errorAtBorder(value)))
    if (value instanceof PythonObject) {
      const { module, name, args, state } = value
      return mark('python', this.of([module, name, [...args], state]))
    }
    if (value instanceof Tuple) return mark('tuple', this.of([...value]))
    if (!Array.isArray(value) && hasToJson(value)) {
      return this.of(value.toJSON(''))
    }
    return copyOf(value, this.#copying)
  }
}

/** The form of what contains nothing; undefined of anything else. */
function leafAtBorder(value: object): unknown {
  const ours = LEAVES.find(([type]) => value instanceof type)
  if (ours !== undefined) return ours[1](value as never) // an instance, just seen
  const crosses = CLONED.some((type) => value instanceof type) || ArrayBuffer.isView(value)
  if (crosses) return value
  return BOXES.some((type) => value instanceof type) ? value.valueOf() : undefined
}

type Class = abstract new (...args: never[]) => object

const CLONED: readonly Class[] = [Date, RegExp, ArrayBuffer]
const BOXES: readonly Class[] = [String, Number, Boolean]

const LEAVES: readonly (readonly [Class, (value: never) => unknown])[] = [
  [DateTime, ({ text }: DateTime) => mark('datetime', text)],
  [LocalDate, (date: LocalDate) => mark('date', date.toString())],
  [LocalTime, ({ text }: LocalTime) => mark('time', text)],
  [
    TimeDelta,
    ({ days, seconds, microseconds }: TimeDelta) =>
      mark('timedelta', [days, seconds, microseconds]),
  ],
  [Decimal, ({ text }: Decimal) => mark('decimal', text)],
  [Uuid, ({ hex }: Uuid) => mark('uuid', hex)],
  [Float, ({ value }: Float) => mark('float', value)],
  [Promise, () => mark('promise')],
  [WeakMap, () => mark('weak')],
  [WeakSet, () => mark('weak')],
  [SharedArrayBuffer, () => mark('shared')],
]

type Revive = (value: never) => unknown

const REVIVERS: Readonly<Record<string, Revive>> = {
  function: (name: string) => Object.defineProperty(() => undefined, 'name', { value: name }),
  symbol: (description: string | undefined) => Symbol(description),
  datetime: (text: string) => new DateTime(text),
  date: (text: string) => new LocalDate(text),
  time: (text: string) => new LocalTime(text),
  timedelta: (parts: [number, number, number]) => new TimeDelta(...parts),
  decimal: (text: string) => new Decimal(text),
  uuid: (hex: string) => new Uuid(hex),
  float: (value: number) => new Float(value),
  promise: () => Promise.resolve(),
  weak: () => new WeakMap(),
  shared: () => new SharedArrayBuffer(0),
  error: errorFromBorder,
  tuple: (items: unknown[]) => Tuple.from(items),
  python: ([module, name, args, state]: [string, string, unknown[], unknown]) =>
    new PythonObject(module, name, args, state),
  unreadable: (text: string) => ({
    toJSON: () => {
      throw new ProtocolError('VALUE_UNENCODABLE', `cannot encode value: ${text}`)
    },
  }),
}

class Inward {
  readonly #done = new Map<object, unknown>()
  readonly #copying: Copying = { done: this.#done, of: (item) => this.of(item) }

  of(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Uint8Array) {
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    return this.#done.get(value) ?? this.#container(value)
  }

  #container(value: object): unknown {
    if (value instanceof Map) return this.#map(value)
    const isContainer =
      Array.isArray(value) ||
      value instanceof Set ||
      Object.getPrototypeOf(value) === Object.prototype
    return isContainer ? copyOf(value, this.#copying) : value
  }

  #map(value: Map<unknown, unknown>): unknown {
    const [first] = value
    if (first !== undefined && first[0] instanceof String) {
      const revive = REVIVERS[first[0].toString()]
      return revive?.(this.of(first[1]) as never) // each mark is written beside its reviver
    }
    return copyOf(value, this.#copying)
  }
}

interface Copying {
  /** The copies that were begun, by their originals. */
  readonly done: Map<object, unknown>
  readonly of: (item: unknown) => unknown
}

/** A list, a set, a map or an object with its items copied. It is noted before it is filled, as it may contain itself. */
function copyOf(value: object, { done, of }: Copying): unknown {
  if (Array.isArray(value)) {
    const list: unknown[] = []
    done.set(value, list)
    for (const item of value) list.push(of(item))
    return list
  }
  if (value instanceof Set) {
    const set = new Set()
    done.set(value, set)
    for (const item of value) set.add(of(item))
    return set
  }
  if (value instanceof Map) {
    const map = new Map()
    done.set(value, map)
    for (const [key, item] of value) map.set(of(key), of(item))
    return map
  }
  const object: Record<string, unknown> = {}
  done.set(value, object)
  for (const [key, item] of Object.entries(value)) setOwn(object, key, of(item))
  return object
}
