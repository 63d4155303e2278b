import { describe, expect, test } from 'vitest'
import { decodeJson } from '../../src/codecs/json/json.ts'
import { repr, reprArgs, reprKwargs } from '../../src/codecs/python/python-repr.ts'
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
import { recordedMessage, recordedMessages } from './vectors.ts'

/** In these, the arguments held tuples or numbers as keys, which JSON does not tell any more; or the text was given. */
const TOLD_BY_HAND = new Set([
  'cadasta-amqp-chord',
  'canvas-chunks',
  'canvas-group-into-chain',
  'canvas-map',
  'chord-database',
  'compat52-chord-database',
  'compat52-json-types',
  'json-extended-types',
  'json-int-keys',
  'task-argsrepr-override',
  'task-argsrepr-types',
])

const tasks = recordedMessages().flatMap(([name, { properties, headers, body }]) => {
  const isPlain = properties.content_type === 'application/json' && !headers.compression
  if (!isPlain || typeof headers.argsrepr !== 'string' || TOLD_BY_HAND.has(name)) return []
  const [args, kwargs] = decodeJson(body.toString(), { keepFloats: true }) as [
    unknown[],
    Record<string, unknown>,
  ]
  return [{ name, headers, args, kwargs }]
})

test('the recorded tasks to compare with are many', () => {
  expect(tasks.length).toBeGreaterThan(80)
})

test.each(tasks)('$name shows its arguments as Celery does', ({ headers, args, kwargs }) => {
  // A task sent by beat or within a chain has a list of arguments.
  const shown = String(headers.argsrepr).startsWith('[') ? repr(args) : reprArgs(args)
  expect(shown).toBe(headers.argsrepr)
  expect(reprKwargs(kwargs)).toBe(headers.kwargsrepr)
})

test('all kinds of arguments print as Celery prints them', () => {
  const nested = [1, [2, [3, [4]]]]
  const args = [
    1,
    1.5,
    true,
    null,
    "it's",
    'two\nlines',
    nested,
    { a: { b: { c: { d: 1 } } } },
    new Tuple(5),
  ]
  expect(reprArgs(args)).toBe(recordedMessage('task-argsrepr-types').headers.argsrepr)
})

test('long arguments are cut where Celery cuts them', () => {
  const { argsrepr, kwargsrepr } = recordedMessage('task-big-args').headers
  expect(reprArgs(['x'.repeat(3000), Array.from({ length: 1000 }, (_, at) => at)])).toBe(argsrepr)
  expect(reprKwargs({ k: 'y'.repeat(2000), z: 1 })).toBe(kwargsrepr)
})

test('typed values print as their Python classes', () => {
  const kwargs = {
    dt_aware: new DateTime('2020-01-02T03:04:05.678900+00:00'),
    dt_naive: new DateTime('2020-01-02T03:04:05'),
    date: new LocalDate('2020-01-02'),
    time: new LocalTime('03:04:05.000006'),
    decimal: new Decimal('12.3400'),
    uuid: new Uuid('12345678123456781234567812345678'),
    bytes_utf8: Buffer.from('plain'),
    bytes_raw: Buffer.from([0, 255, 254]),
    tuple: Tuple.of(1, 2),
  }
  expect(reprKwargs(kwargs)).toBe(recordedMessage('json-extended-types').headers.kwargsrepr)
})

test('keys that are no text keep their type', () => {
  const map = new Map<unknown, unknown>([
    [1, 'a'],
    [null, 'b'],
    [1.5, 'd'],
  ])
  expect(reprArgs([map])).toBe(recordedMessage('json-int-keys').headers.argsrepr)
})

describe('single values', () => {
  test.each([
    [undefined, 'None'],
    [new Float(2), '2.0'],
    [1e-7, '1e-07'],
    [2n ** 64n, '18446744073709551616'],
    [new Set(), 'set()'],
    [new Set([1, 'a']), "{1, 'a'}"],
    [Tuple.of(), '()'],
    [
      new Date(1577934245000),
      'datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)',
    ],
    [new DateTime('2020-01-02T03:04:00'), 'datetime.datetime(2020, 1, 2, 3, 4)'],
    [
      new DateTime('2020-01-02T03:04:00-03:30'),
      'datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=73800)))',
    ],
    [new TimeDelta(0), 'datetime.timedelta(0)'],
    [new PythonObject('m', 'C', ['secret']), '<m.C>'],
    [{ toJSON: () => ({ a: 1 }) }, "{'a': 1}"],
    [{ a: undefined, b: 1 }, "{'b': 1}"],
    [Number.NaN, 'nan'],
  ])('%o', (value, text) => {
    expect(repr(value)).toBe(text)
  })

  test('what throws when looked at is shown as that', () => {
    expect(
      repr({
        get a() {
          throw new TypeError('no')
        },
      }),
    ).toBe('<cannot be shown: TypeError>')
    expect(repr(new Date(Number.NaN))).toBe('<invalid Date>')
  })

  test('a circle ends', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(repr(circle)).toBe('[[...]]')
  })
})

// Expected texts as celery.utils.saferepr.saferepr(value, maxlen) of Celery 5.7 gives them.
describe('limits', () => {
  test.each([
    [['a blank or two in it', 1], 12, "['a blank or...', ...]"],
    [['aaaaaaaaaaaaaaaaaaaa'], 10, "['aaaaaaaaa...']"],
    [{ k: 'aaaaaaaaaaaaaaaaaaaa' }, 10, "{'k': 'aaaa...'}"],
    [[1, 2, 3, 4, 5, 6, 7], 10, '[1, 2, 3, , ...]'],
    [['😀😀😀😀😀😀😀😀😀😀', 1], 8, "['😀😀😀😀😀😀😀...', ...]"],
    [[Buffer.from('0123456789')], 5, "[b'0123...']"],
  ])('%o in %i characters', (value, maxLength, text) => {
    expect(repr(value, { maxLength })).toBe(text)
  })

  test('a long text is not walked to its end', () => {
    expect(repr('é'.repeat(5_000_000)).length).toBe(1024 + 5)
  })
})

test('of a dict of millions no more keys are looked at than are shown', () => {
  class Endless extends Map<number, number> {
    override *[Symbol.iterator](): MapIterator<[number, number]> {
      for (let key = 0; ; key += 1) {
        if (key > 10_000) throw new Error('it was gone through')
        yield [key, key]
      }
    }
  }
  expect(repr(new Endless())).toMatch(/^\{0: 0, 1: 1, .*, \.\.\.\}$/)
})
