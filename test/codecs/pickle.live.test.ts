import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'
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
} from '../../src/codecs/values.ts'
import { pickleValue } from './any-value.ts'
import { python } from './python.ts'

const PROTOCOLS = [0, 1, 2, 3, 4, 5]

/** Every detail of a value: classes, microseconds, -0. */
function shown(value: unknown): string {
  return inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, sorted: true })
}

describe('any value, written here and pickled again by Python', () => {
  const values = fc.sample(pickleValue, 500)
  const program = `
import pickle, sys
for line in sys.stdin:
    value = pickle.loads(bytes.fromhex(line))
    print(' '.join(pickle.dumps(value, protocol).hex() for protocol in range(6)))
`
  const hex = values.map((value) => `${writePickle(value).toString('hex')}\n`).join('')
  const answers = python(program, hex).toString().trimEnd().split('\n')

  test.each(PROTOCOLS)('is the same in protocol %i', (protocol) => {
    expect(answers).toHaveLength(values.length)
    values.forEach((value, at) => {
      const answer = answers[at]?.split(' ')[protocol] ?? ''
      expect(shown(readPickle(Buffer.from(answer, 'hex')))).toBe(shown(value))
    })
  })
})

test('Python sees its own classes', () => {
  const values = [
    [1, 'é', null, true, 1.5, -0, 2n ** 70n, -(2n ** 63n), new Float(1)],
    [
      new DateTime('2020-01-02T03:04:05.000006+02:00'),
      new DateTime('2020-01-02T03:04:05'),
      new Date(0),
    ],
    [
      new LocalDate('2020-01-02'),
      new LocalTime('03:04:05.000006'),
      new LocalTime('03:04+01:00'),
      new TimeDelta(-1, 5, 6),
    ],
    [new Decimal('1.50'), new Uuid('12345678123456781234567812345678'), Buffer.from([0, 255])],
    [Tuple.of(), Tuple.of(1), new Set([1]), new Set(), new Map([[1, [2]]]), { a: {} }],
  ]
  const program = 'import pickle, sys\nfor each in pickle.load(sys.stdin.buffer): print(each)'
  expect(python(program, writePickle(values)).toString().trimEnd().split('\n')).toEqual([
    "[1, 'é', None, True, 1.5, -0.0, 1180591620717411303424, -9223372036854775808, 1.0]",
    '[datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200))), datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)]',
    '[datetime.date(2020, 1, 2), datetime.time(3, 4, 5, 6), datetime.time(3, 4, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600))), datetime.timedelta(days=-1, seconds=5, microseconds=6)]',
    "[Decimal('1.50'), UUID('12345678-1234-5678-1234-567812345678'), b'\\x00\\xff']",
    "[(), (1,), {1}, set(), {1: [2]}, {'a': {}}]",
  ])
})

describe.each(PROTOCOLS)('Python objects in protocol %i', (protocol) => {
  const program = `
import pickle, sys, collections, datetime, decimal, zoneinfo
shared = [1]
circle = []; circle.append(circle)
values = [
    OSError(2, 'gone'), KeyError('k'), complex(1, 2), frozenset([3]), bytearray(b'ab'), b'', b'\\xff',
    collections.OrderedDict(b=1, a=2), collections.defaultdict(int, x=1), collections.Counter('aab'), collections.deque([1, 2]),
    datetime.datetime(2020, 7, 2, 12, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6, fold=1), datetime.timezone.utc, int, len, slice(1, 2), range(3),
    [shared, shared], circle, 'line\\nbreak \\\\u0041 \\u20ac', 2 ** 70, -1, 10 ** 400, float('inf'),
]
sys.stdout.buffer.write(pickle.dumps(values, ${protocol}))
`
  const values = readPickle(python(program)) as unknown[]

  test('that are plain values are those', () => {
    expect(shown(values.slice(3, 13))).toBe(
      shown([
        new Set([3]),
        Buffer.from('ab'),
        Buffer.alloc(0),
        Buffer.from([255]),
        { b: 1, a: 2 },
        { x: 1 },
        { a: 2, b: 1 },
        [1, 2],
        new DateTime('2020-07-02T12:00:00+02:00'),
        new DateTime('2020-01-02T03:04:05.000006'),
      ]),
    )
    expect(values.slice(20)).toEqual([
      'line\nbreak \\u0041 €',
      2n ** 70n,
      -1,
      10n ** 400n,
      Infinity,
    ])
  })

  test('of any other class keep their names and arguments', () => {
    expect(values.slice(0, 3)).toEqual([
      new PythonObject('builtins', protocol < 3 ? 'OSError' : 'FileNotFoundError', [2, 'gone']),
      new PythonObject('builtins', 'KeyError', ['k']),
      new PythonObject('builtins', 'complex', [1, 2]),
    ])
    expect(values.slice(13, 18).map(String)).toEqual([
      '<datetime.timezone>',
      '<builtins.int>',
      '<builtins.len>',
      '<builtins.slice>',
      '<builtins.range>',
    ])
  })

  test('that are shared are shared', () => {
    const [pair, circle] = values.slice(18, 20) as unknown[][]
    expect(pair?.[0]).toBe(pair?.[1])
    expect(circle?.[0]).toBe(circle)
  })
})
