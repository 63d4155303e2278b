import { describe, expect, test } from 'vitest'
import { encodeJson } from '../../src/codecs/json/json.ts'
import { repr } from '../../src/codecs/python/python-repr.ts'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { encodeWithSurrogates } from '../../src/codecs/surrogates.ts'
import { showValue } from '../../src/protocol/show-value.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { textOfError } from '../../src/text-of-error.ts'

const FORMATS = ['json', 'yaml', 'msgpack', 'pickle'] as const

/** Of a million million items, in forty lists: each holds the one before twice. */
function sharing(): unknown {
  let value: unknown = [1]
  for (let level = 0; level < 40; level += 1) value = [value, value]
  return value
}

function sharingDicts(): unknown {
  let value: unknown = { a: 1 }
  for (let level = 0; level < 40; level += 1) value = { a: value, b: value }
  return value
}

/** Each item of it is another one like it. */
function endless(): unknown {
  const get = (list: unknown[], key: string | symbol): unknown => {
    if (typeof key === 'symbol' || key === 'entries') return Reflect.get(list, key)
    return key === 'length' ? 2 : endless()
  }
  return new Proxy([], { get })
}

describe.each(FORMATS)('%s', (format) => {
  const { encode } = serializerByName(format)

  test.each([
    ['lists that hold each other twice', sharing()],
    ['dicts that hold each other twice', sharingDicts()],
    ['Maps that hold such lists', new Map([['a', sharing()]])],
    ['a list that says it is sparse', new Array(2 ** 32 - 1)],
    ['what says in JSON that it is such a list', { toJSON: sharing }],
  ])('%s are refused, once they are as many as a body may hold', (_, value) => {
    expect(() => encode(value, 10_000)).toThrow(
      expect.objectContaining({
        code: 'VALUE_UNENCODABLE',
        message: expect.stringMatching(
          /^cannot encode value as \S+: it holds more values than MESSAGE_LIMIT_NODES allows$/,
        ),
      }),
    )
  })

  test('a list without an end is refused', () => {
    expect(() => encode(endless(), 10_000)).toThrow(
      expect.objectContaining({ code: 'VALUE_UNENCODABLE' }),
    )
  })

  test('lists that hold each other twice are refused without a walk through ten million values', () => {
    const startedAt = process.cpuUsage()
    expect(() => encode({ all: sharing() })).toThrow('more values than MESSAGE_LIMIT_NODES allows')
    expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(0.5)
  })

  test('as many values as a body may hold are written', () => {
    expect(encode(new Array(10_000).fill(1), 10_000).length).toBeGreaterThan(9_999)
  })

  test('a value with no form behind two million others is refused in little time', () => {
    const value = [...Array.from({ length: 2_000_000 }, () => 1), Symbol('odd')]
    const startedAt = process.cpuUsage()
    expect(() => encode(value)).toThrow('cannot encode value as')
    expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(5)
  })
})

test('the argument of a call that holds too many values is named', () => {
  const call = { id: 'id', task: 'export.run', args: [1, 'two'], kwargs: { table: sharing() } }
  expect(() => encodeTask(call, { maxNodes: 10_000 })).toThrow(
    'cannot encode kwargs.table as JSON: it holds more values than MESSAGE_LIMIT_NODES allows',
  )
})

test.each(['json', 'yaml'])('%s has no form for an integer that Python would not read', (name) => {
  const { encode } = serializerByName(name)
  expect(encode(10n ** 4299n).length).toBeGreaterThan(4299)
  expect(() => encode([2n ** 60_000_000n])).toThrow('the integer has more than 4300 digits')
})

test('an integer of millions of digits is shown by its size', () => {
  const long = 2n ** 60_000_000n
  expect(repr([long])).toBe('[<the integer has more than 4300 digits>]')
  expect(showValue({ long })).toBe('{ long: <the integer has more than 4300 digits> }')
  expect(textOfError(long)).toBe('an integer of many digits')
})

test('lists that hold each other twice are shown in part', () => {
  class Odd {
    readonly own = sharing()
  }
  expect(textOfError(sharing()).length).toBeLessThan(1000)
  expect(textOfError(Object.assign(new Error('x'), { message: sharing() })).length).toBeLessThan(
    1000,
  )
  expect(showValue(new Odd())).toMatch(/^Odd \{ own: \[/)
  expect(showValue(new Map([[1, sharing()]]))).toMatch(/^Map\(1\) \{ 1 => \[/)
})

test('the many keys of an instance, and the long message of an error, are shown in part', () => {
  class Table {}
  const table = new Table()
  for (let at = 0; at < 100_000; at += 1) Object.assign(table, { [`key-${at}`]: at })
  expect(showValue(table)).toMatch(/^Table \{ 'key-0': 0/)
  expect(showValue([new RangeError('too long '.repeat(1_000_000))])).toMatch(
    /^\[ \[RangeError: too long /,
  )
})

test('a long text is escaped as a short one is', () => {
  const odd = 'a"\\\n\t\u0001\u007f\u00e9\u4e2d\ud83c\udf31\ud800'
  const parts = encodeJson(odd).slice(1, -1)
  expect(encodeJson(odd.repeat(5000))).toBe(`"${parts.repeat(5000)}"`)
})

test('halves of surrogate pairs are written as Python writes them, among other characters', () => {
  expect(encodeWithSurrogates('a\ud800\ud83c\udf31\udc00\u4e2d\ud83c').toString('hex')).toBe(
    '61eda080f09f8cb1edb080e4b8adeda0bc',
  )
})
