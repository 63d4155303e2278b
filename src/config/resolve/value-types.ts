import { isRecord } from '../../protocol/field-readers.ts'
/** What `read` answers for a value that is not of the type. */
export const unfit: unique symbol = Symbol('unfit')

/** A kind of value a setting takes: how it is named, how text from the environment is read, what it accepts. */
export interface ValueType<T, Given = T> {
  /** Said after "expected" in errors, and shown in the table of settings. */
  readonly name: string
  /** Text from the environment is the value itself, a Python literal (or JSON) that says it, or whichever it can be. */
  readonly environmentText: 'raw' | 'literal' | 'literal or raw'
  /** The value as the toolbox keeps it, or `unfit`. */
  read(value: unknown): T | typeof unfit
  /** Never set: it carries the type that `new Config()` takes for this kind of value. */
  readonly given?: Given
}

export type Dict = Readonly<Record<string, unknown>>

export const text: ValueType<string> = {
  name: 'text',
  environmentText: 'raw',
  read: (value) => (typeof value === 'string' ? value : unfit),
}

export const filledText: ValueType<string> = {
  name: 'non-empty text',
  environmentText: 'raw',
  read: (value) => (typeof value === 'string' && value !== '' ? value : unfit),
}

export const timezone: ValueType<string> = {
  name: 'the name of a time zone, such as Europe/Berlin',
  environmentText: 'raw',
  read: (value) => (typeof value === 'string' && isTimezone(value) ? value : unfit),
}

/** Of the IANA database: offsets, which newer versions of Node take as well, mean nothing to Python. */
function isTimezone(name: string): boolean {
  try {
    return /^[a-z]/i.test(name) && Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false // a RangeError: there is no such zone
  }
}

export const boolean: ValueType<boolean> = {
  name: 'true or false',
  environmentText: 'literal',
  read: (value) => {
    if (typeof value === 'boolean') return value
    return value === 1 || value === 0 ? value === 1 : unfit
  },
}

export const integer: ValueType<number> = {
  name: 'an integer',
  environmentText: 'literal',
  read: (value) => (Number.isSafeInteger(value) ? (value as number) : unfit),
}

export const count: ValueType<number> = {
  name: 'an integer, 0 or more',
  environmentText: 'literal',
  read: (value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : unfit),
}

/** AMQP has one byte for a priority. */
export const octet: ValueType<number> = {
  name: 'an integer from 0 to 255',
  environmentText: 'literal',
  read: (value) => {
    const isOctet = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255
    return isOctet ? Number(value) : unfit
  },
}

export const positiveInteger: ValueType<number> = {
  name: 'an integer, 1 or more',
  environmentText: 'literal',
  read: (value) => (Number.isSafeInteger(value) && Number(value) >= 1 ? Number(value) : unfit),
}

export const number: ValueType<number> = {
  name: 'a number',
  environmentText: 'literal',
  read: (value) => (typeof value === 'number' && !Number.isNaN(value) ? value : unfit),
}

export const amount: ValueType<number> = {
  name: 'a number, 0 or more',
  environmentText: 'literal',
  read: (value) => (typeof value === 'number' && value >= 0 ? value : unfit),
}

export const seconds: ValueType<number> = {
  name: 'seconds, 0 or more',
  environmentText: 'literal',
  read: (value) => (typeof value === 'number' && value >= 0 ? value : unfit),
}

/** RabbitMQ counts the milliseconds of its queues in 32 bits. */
const MOST_QUEUE_SECONDS = 4_294_967

/** How long a message waits in a queue, or with `least` a queue for its reader. */
export function queueSeconds(least: number): ValueType<number> {
  return {
    name: `seconds, ${least} to ${MOST_QUEUE_SECONDS}`,
    environmentText: 'literal',
    read: (value) =>
      typeof value === 'number' && value >= least && value <= MOST_QUEUE_SECONDS ? value : unfit,
  }
}

/** What a queue that is not used is kept for at least. */
export const SHORTEST_EXPIRY_SECONDS = 0.001

export const port: ValueType<number> = {
  name: 'a port, 1 to 65535',
  environmentText: 'literal',
  read: (value) => {
    const isPort = Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535
    return isPort ? Number(value) : unfit
  },
}

export const dict: ValueType<Dict> = {
  name: 'a dict',
  environmentText: 'literal',
  read: (value) => (isRecord(value) ? value : unfit),
}

/** A dict whose values are all of one type. */
export function dictOf<T, Given>(
  type: ValueType<T, Given>,
): ValueType<Readonly<Record<string, T>>> {
  return {
    name: `a dict of ${type.name}`,
    environmentText: 'literal',
    read: (value) => {
      if (!isRecord(value)) return unfit
      const entries = Object.entries(value).map(([key, each]) => [key, type.read(each)] as const)
      return entries.some(([, each]) => each === unfit)
        ? unfit
        : (Object.fromEntries(entries) as Record<string, T>) // none of them is unfit
    },
  }
}

/** A list; from the environment also a tuple or a set. */
export const textList: ValueType<readonly string[], Iterable<string>> = {
  name: 'a list of texts',
  environmentText: 'literal',
  read: (value) => {
    const items = asList(value)
    return items?.every((item) => typeof item === 'string') ? items : unfit
  },
}

/** Such a list; as in Celery, a text alone is a list of it. */
export const textOrList: ValueType<readonly string[], string | Iterable<string>> = {
  name: 'a list of texts, or a text',
  environmentText: 'literal',
  read: (value) => (typeof value === 'string' ? [value] : textList.read(value)),
}

export const anything: ValueType<unknown> = {
  name: 'anything',
  environmentText: 'literal or raw',
  read: (value) => value,
}

/** What `set` takes in place of a value that is no text. */
export const literal: ValueType<unknown> = {
  name: 'a Python literal or JSON',
  environmentText: 'literal',
  read: (value) => value,
}

export function oneOf<const T extends string>(...choices: readonly T[]): ValueType<T> {
  return {
    name: choices.map((choice) => `'${choice}'`).join(' or '),
    environmentText: 'raw',
    read: (value) => choices.find((choice) => choice === value) ?? unfit,
  }
}

/** The type, or null (Python's None). */
export function nullable<T, Given>(type: ValueType<T, Given>): ValueType<T | null, Given | null> {
  return {
    name: `${type.name}, or None`,
    environmentText: type.environmentText,
    read: (value) => (value === null ? null : type.read(value)),
  }
}

/** What either type takes, the first one first; text from the environment is read as a literal. */
export function either<A, GivenA, B, GivenB>(
  first: ValueType<A, GivenA>,
  second: ValueType<B, GivenB>,
): ValueType<A | B, GivenA | GivenB> {
  return {
    name: `${first.name}, or ${second.name}`,
    environmentText: 'literal or raw',
    read: (value) => {
      const read = first.read(value)
      return read === unfit ? second.read(value) : read
    },
  }
}

export function asList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  return value instanceof Set ? [...value] : undefined
}
