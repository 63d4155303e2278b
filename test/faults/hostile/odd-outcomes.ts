import { Decimal, LocalDate } from 'celery-toolbox'

/** Values that a task may return, or throw, by name; `bytes` is about how large the large ones are. */
export const ODD_VALUES: Readonly<Record<string, (bytes: number) => unknown>> = {
  'a text': (bytes) => 'a'.repeat(bytes),
  'a text of quotes': (bytes) => '"'.repeat(bytes / 2),
  'a text of equals signs': (bytes) => 'password='.repeat(bytes / 9),
  'a text of urls': (bytes) => 'amqp://u:p@h/ '.repeat(bytes / 14),
  'a text of Chinese': (bytes) => '\u4e2d'.repeat(bytes / 3),
  'a text of half surrogates': (bytes) => '\ud800'.repeat(bytes / 3),
  'a text of NULs': (bytes) => '\0'.repeat(bytes / 6),
  numbers: (bytes) => Array.from({ length: bytes / 8 }, (_, at) => at),
  'numbers with a fraction': (bytes) => Array.from({ length: bytes / 20 }, (_, at) => at / 7),
  'lists of one number': (bytes) => Array.from({ length: bytes / 4 }, () => [0]),
  'empty dicts': (bytes) => Array.from({ length: bytes / 3 }, () => ({})),
  dates: (bytes) => Array.from({ length: bytes / 60 }, (_, at) => new Date(at * 1e7)),
  days: (bytes) => Array.from({ length: bytes / 60 }, () => new LocalDate('2031-02-03')),
  decimals: (bytes) => Array.from({ length: bytes / 60 }, () => new Decimal('1.5')),
  'keys of which each is another': (bytes) =>
    Object.fromEntries(Array.from({ length: bytes / 17 }, (_, at) => [`key-${at}`, 1])),
  'a Map': (bytes) => new Map(Array.from({ length: bytes / 10 }, (_, at) => [at, at])),
  'a Set': (bytes) => new Set(Array.from({ length: bytes / 10 }, (_, at) => at)),
  'a list that nests': () => nested(880),
  'a list that nests too deep': () => nested(100_000),
  'a value that shares itself': () => shared(40),
  'a value that contains itself': () => cyclic(),
  'a large value that contains itself': (bytes) => [
    Array.from({ length: bytes / 4 }, () => [0]),
    cyclic(),
  ],
  bytes: (bytes) => Buffer.alloc(bytes, 0xff),
  'bytes of text': (bytes) => Buffer.alloc(bytes, 'a'),
  'a typed array': (bytes) => new Float64Array(bytes / 8),
  'a list with a symbol at its end': (bytes) => [
    ...Array.from({ length: bytes / 4 }, (_, at) => [at]),
    Symbol('odd'),
  ],
  'a symbol': () => Symbol('odd'),
  'a bigint': () => 2n ** 100n,
  'a long bigint': (bytes) => 2n ** BigInt(bytes),
  'a proxy': () => new Proxy({}, {}),
  'a proxy that throws': () => throwing(),
  'a proxy of many keys': (bytes) => manyKeys(bytes / 10),
  'a proxy without an end': () => endless(),
  'a revoked proxy': () => revoked(),
  'an instance': (bytes) => new Instance('a'.repeat(bytes)),
  'what says in JSON that it is long': (bytes) => ({ toJSON: () => 'a'.repeat(bytes) }),
  'what says in JSON that it is itself': () => sameInJson(),
  'a sparse list': () => new Array(2 ** 32 - 1),
  'a list with holes': (bytes) => new Array(Math.floor(bytes / 4)),
  'a function': () => () => 1,
  'a regular expression': () => /(a+)+$/,
  'a promise in a list': () => [Promise.resolve(1)],
  'a thenable that throws': () => ({
    // biome-ignore lint/suspicious/noThenProperty: this is what is tested.
    then: () => {
      throw new Error('then')
    },
  }),
  'a getter that throws': () => ({
    get value() {
      throw new Error('value')
    },
  }),
  'an error': (bytes) => new Error('a'.repeat(bytes)),
  'an error of many lines': (bytes) => new Error('line\n'.repeat(bytes / 5)),
  'an error of urls': (bytes) => new Error('amqp://u:p@h/ '.repeat(bytes / 14)),
  'an error of passwords': (bytes) => new Error("'password': '".repeat(bytes / 13)),
  'an error of Chinese': (bytes) => new Error('\u4e2d'.repeat(bytes / 3)),
  'an error with a long stack': (bytes) => withOwn({ stack: 'at x\n'.repeat(bytes / 5) }),
  'an error with a long name': (bytes) => withOwn({ name: 'E'.repeat(bytes) }),
  'an error with long fields': (bytes) => withOwn({ code: 'c'.repeat(bytes), large: nested(800) }),
  'an error with a long cause': (bytes) => new Error('x', { cause: 'a'.repeat(bytes) }),
  'an error with a large cause': (bytes) =>
    new Error('x', { cause: Array.from({ length: bytes / 4 }, () => [0]) }),
  'an error with causes': (bytes) => causes(1_000, bytes / 10),
  'an error that is its own cause': (bytes) => ownCause(bytes),
  'an error whose message throws': () => throwingError('message'),
  'an error whose stack throws': () => throwingError('stack'),
  'an error whose cause throws': () => throwingError('cause'),
  'an error whose name throws': () => throwingError('name'),
  'an error whose message is no text': (bytes) =>
    withOwn({ message: Array.from({ length: bytes / 4 }, () => [0]) }),
  'errors together': (bytes) =>
    new AggregateError(Array.from({ length: 1000 }, () => new Error('a'.repeat(bytes / 1000)))),
}

class Instance {
  readonly own: string
  constructor(own: string) {
    this.own = own
  }
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

/** Of 2 ** `levels` items, in as many lists as it has levels. */
function shared(levels: number): unknown {
  let value: unknown = [1]
  for (let level = 0; level < levels; level += 1) value = [value, value]
  return value
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {}
  value.itself = value
  return value
}

function throwing(): unknown {
  const refuse = (): never => {
    throw new Error('refused')
  }
  return new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
}

function manyKeys(count: number): unknown {
  const keys = Array.from({ length: count }, (_, at) => `k${at}`)
  return new Proxy(
    {},
    {
      ownKeys: () => keys,
      get: () => 1,
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    },
  )
}

/** Each item of it is another one like it. */
function endless(): unknown {
  return new Proxy([], { get: (_target, key) => (key === 'length' ? 1 : endless()) })
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function sameInJson(): unknown {
  const value: { toJSON: () => unknown } = { toJSON: () => value }
  return value
}

function withOwn(own: object): Error {
  const error = new Error('odd')
  for (const [key, value] of Object.entries(own)) Object.defineProperty(error, key, { value })
  return error
}

function causes(count: number, bytes: number): Error {
  let error = new Error('the first')
  for (let at = 0; at < count; at += 1) {
    error = new Error(at > count - 10 ? 'a'.repeat(bytes) : 'x', { cause: error })
  }
  return error
}

function ownCause(bytes: number): Error {
  const error = new Error('a'.repeat(bytes))
  error.cause = error
  return error
}

function throwingError(key: string): Error {
  return Object.defineProperty(new Error('odd'), key, {
    get: () => {
      throw new Error(key)
    },
  })
}
