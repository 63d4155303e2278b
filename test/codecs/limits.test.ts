import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { inSlices } from '../../src/async/slices.ts'
import { decompress } from '../../src/codecs/compression/compression.ts'
import { inTurn, QUICK_MS } from '../../src/codecs/in-turn.ts'
import { decodeJson, encodeJson, jsonReader } from '../../src/codecs/json/json.ts'
import { JsonNodes } from '../../src/codecs/json/json-nodes.ts'
import { DECODE_MS, DEFAULT_LIMITS, TooSlow } from '../../src/codecs/limits.ts'
import { MemoryBudget } from '../../src/codecs/memory-budget.ts'
import { decodeMsgpack, encodeMsgpack } from '../../src/codecs/msgpack/msgpack.ts'
import { MsgpackReader } from '../../src/codecs/msgpack/msgpack-reader.ts'
import { PickleReading, readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { writePickle } from '../../src/codecs/pickle/pickle-writer.ts'
import { serializerByName } from '../../src/codecs/serializers.ts'
import { DateTime, LocalDate } from '../../src/codecs/values.ts'

const TIME = { withinMs: 10_000, onLate: () => new Error('late') }
const TOO_LARGE = { code: 'MESSAGE_TOO_LARGE' }
const MIB = 1024 * 1024

function zstdFrame(windowByte: number, blocks: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, windowByte]), ...blocks])
}

/** A block that stands for this many spaces. */
function spaces(count: number, isLast: boolean): Buffer {
  const block = Buffer.alloc(4, 0x20)
  block.writeUIntLE(count * 8 + 2 + (isLast ? 1 : 0), 0, 3)
  return block
}

describe('expanding', () => {
  test('a zstd window of half a gigabyte around one byte costs no memory', async () => {
    const before = process.memoryUsage().rss
    const frame = zstdFrame(0x98, [spaces(1, true)])
    const twenty = Buffer.concat(Array(20).fill(frame))
    expect((await decompress(twenty, 'zstd')).toString()).toBe(' '.repeat(20))
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB)
  })

  test('zstd that says it holds more than the limit is refused before it is expanded', async () => {
    const blocks = Array.from({ length: 8000 }, (_, at) => spaces(128 * 1024, at === 7999))
    const bomb = zstdFrame(0x88, blocks)
    const startedAt = process.cpuUsage()
    await expect(decompress(bomb, 'zstd')).rejects.toMatchObject({
      ...TOO_LARGE,
      message: expect.stringContaining(
        'it expands to more than 67108864 bytes, more than 2096 times its',
      ),
    })
    expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(3)
  })

  test('a body that grows more than a hundred thousand times is refused, whatever the limit', async () => {
    const small = zstdFrame(
      0x58,
      Array.from({ length: 16 }, (_, at) => spaces(128 * 1024, at === 15)),
    )
    await expect(decompress(small, 'zstd', { maxBytes: 64 * MIB })).resolves.toHaveLength(2 * MIB)
    const bomb = zstdFrame(
      0x58,
      Array.from({ length: 100 }, (_, at) => spaces(128 * 1024, at === 99)),
    )
    await expect(decompress(bomb, 'zstd', { maxBytes: 64 * MIB })).resolves.toHaveLength(12.5 * MIB)
  })

  test.each([
    ['zstd', zstdFrame(0x58, [spaces(0, true)])],
    ['zstd', Buffer.from('502a4d1800000000', 'hex')],
    ['bzip2', Buffer.from('425a683917724538509000000000', 'hex')],
  ])(
    '%s of more parts than any compressor makes is refused, though they hold nothing',
    async (name, part) => {
      await expect(decompress(Buffer.concat(Array(10_001).fill(part)), name)).rejects.toMatchObject(
        {
          ...TOO_LARGE,
          message: expect.stringContaining('more than 10000 frames, streams and blocks'),
        },
      )
    },
  )

  test('a body that takes long makes room for the others, and is read when its turn comes', async () => {
    const gate = deferred()
    const slow = Array.from({ length: 3 }, () =>
      inTurn(DEFAULT_LIMITS, async ({ withinMs }) => {
        if (withinMs === QUICK_MS) throw new TooSlow('it takes longer')
        await gate.promise
        return withinMs
      }),
    )
    expect(await inTurn(DEFAULT_LIMITS, async () => 'read')).toBe('read')
    gate.resolve()
    expect(await Promise.all(slow)).toEqual([DECODE_MS, DECODE_MS, DECODE_MS])
  })

  test('zlib of more than the limit is refused with the figures', async () => {
    const bomb = deflateSync(Buffer.alloc(2 * MIB))
    await expect(decompress(bomb, 'zlib', { maxBytes: MIB })).rejects.toMatchObject(TOO_LARGE)
  })
})

describe('slices', () => {
  test('any JSON reads the same in slices of one value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async (value) => {
        const text = JSON.stringify(value)
        const reader = jsonReader(text)
        while (!reader.advance(1));
        expect(reader.result()).toEqual(decodeJson(text))
        expect(countedBy(text)).toBe(nodesIn(value))
      }),
    )
  })

  test('any msgpack reads the same in slices of one value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const bytes = encodeMsgpack(value)
        const reader = new MsgpackReader(bytes)
        while (!reader.advance(1));
        expect(reader.result()).toEqual(decodeMsgpack(bytes))
      }),
    )
  })

  test('any pickle reads the same in slices of one step', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const bytes = writePickle(value)
        const reading = new PickleReading(bytes)
        while (!reading.advance(1));
        expect(reading.result()).toEqual(readPickle(bytes))
      }),
    )
  })

  test.each([
    ['numbers', (at: number) => at],
    ['numbers with and without a fraction', (at: number) => at / 2],
    ['texts with commas, brackets and quotes', (at: number) => `a,b]${at}}"\\"`],
    ['lists of dicts', (at: number) => [{ at, text: ',]' }, [at, [at, { a: [] }]]]],
    ['values of each kind', (at: number) => [at, `${at}`, null, true, [at], { at }][at % 6]],
  ])('a list of 20,000 %s is read, in a list that is as long', async (_, make) => {
    const items = Array.from({ length: 20_000 }, (_, at) => make(at))
    const value = [...items, { first: items, second: [items] }, ...items]
    const text = JSON.stringify(value)
    expect(decodeJson(text)).toEqual(value)
    const memory = new MemoryBudget(Buffer.from(text), DEFAULT_LIMITS, 'JSON')
    const reader = jsonReader(text, undefined, memory)
    while (!reader.advance(10_000));
    expect(reader.result()).toEqual(value)
  })

  test('long lists that hold each other a hundred deep are read', () => {
    const long = '1,'.repeat(20_000)
    const text = `${`[${long}`.repeat(100)}1${']'.repeat(100)}`
    let value = decodeJson(text) as unknown[]
    for (let depth = 1; depth < 100; depth += 1) value = value[20_000] as unknown[]
    expect(value).toHaveLength(20_001)
  })

  test('small parts of a large text are read as the text would be as a whole', async () => {
    const rows = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(rows, async (value) => {
        const long = JSON.stringify([
          value,
          'x'.repeat(3000),
          {
            dates: [{ __type__: 'date', __value__: '2031-02-03' }],
            far: [12345678901234567890n.toString(), -0, { list: value }],
          },
        ])
        const bytes = Buffer.from(long.replace('"12345678901234567890"', '12345678901234567890'))
        const read = await serializerByName('json').decodeLarge(bytes, { limits: DEFAULT_LIMITS })
        expect(read).toEqual(decodeJson(bytes.toString()))
      }),
    )
  })

  test('what follows a task keeps its floats, and its arguments do not', async () => {
    const body = jsonReader('[[1.0, [2.0]], {"a": 3.0}, {"chain": [{"args": [4.0]}]}]', 2)
    expect(encodeJson(await inSlices(body, TIME))).toBe(
      '[[1, [2]], {"a": 3}, {"chain": [{"args": [4.0]}]}]',
    )
  })

  test('work that takes longer than it may ends with its error', async () => {
    const endless = { advance: () => false, result: () => undefined }
    await expect(inSlices(endless, { ...TIME, withinMs: 30 })).rejects.toThrow('late')
  })
})

describe.each(['json', 'msgpack', 'yaml'] as const)('%s', (name) => {
  const serializer = serializerByName(name)
  const limits = { ...DEFAULT_LIMITS, maxNodes: 1000 }
  const many = serializer.encode(Array.from({ length: 1000 }, () => ({})))
  const few = serializer.encode(Array.from({ length: 999 }, () => ({})))

  test('as many values as the limit are read, and one more is refused', async () => {
    expect(serializer.decode(few, limits)).toHaveLength(999)
    expect(await serializer.decodeLarge(few, { limits })).toHaveLength(999)
    expect(() => serializer.decode(many, limits)).toThrow('the body holds more than 1000 values')
    await expect(serializer.decodeLarge(many, { limits })).rejects.toMatchObject(TOO_LARGE)
  })
})

describe.each(['json', 'msgpack', 'pickle'] as const)(
  '%s takes no more memory than it may',
  (name) => {
    const serializer = serializerByName(name)
    const limits = { ...DEFAULT_LIMITS, maxNodes: 100_000 }
    const read = (value: unknown) => serializer.decodeLarge(serializer.encode(value), { limits })
    const dictOf = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-number-${at}`, at % 10]))

    test('as many keys as there is room for are read, and many more are refused', async () => {
      await expect(read(dictOf(2_000))).resolves.toEqual(dictOf(2_000))
      await expect(read(dictOf(50_000))).rejects.toMatchObject({
        ...TOO_LARGE,
        message: expect.stringMatching(/the body of \d+ bytes takes more than \d+ bytes of memory/),
      })
    })

    test('dicts of which each has another key are refused, rows of a table are read', async () => {
      const odd = Array.from({ length: 40_000 }, (_, at) => ({ [`key-number-${at}`]: 1 }))
      await expect(read(odd)).rejects.toMatchObject(TOO_LARGE)
      const rows = Array.from({ length: 2_000 }, (_, at) => ({
        id: at,
        name: `name ${at}`,
        size: 1.5,
      }))
      await expect(read(rows)).resolves.toEqual(rows)
    })
  },
)

test('two million lists of one number, which take 180 MB, are refused in a body of 8 MB', async () => {
  const body = Buffer.from(`[${'[0],'.repeat(2_000_000)}0]`)
  const read = serializerByName('json').decodeLarge(body, { limits: DEFAULT_LIMITS })
  await expect(read).rejects.toMatchObject(TOO_LARGE)
})

describe('YAML', () => {
  test('dates, bytes, sets and keys of any kind are the same when they were read in a thread', async () => {
    const text =
      'a: 2024-01-02\nb: 2024-01-02T03:04:05Z\nc: !!binary aGk=\nd: {1: x}\ne: !!set {x}\n'
    const read = await serializerByName('yaml').decodeLarge(Buffer.from(text), {
      limits: DEFAULT_LIMITS,
    })
    expect(read).toEqual({
      a: new LocalDate('2024-01-02'),
      b: new DateTime('2024-01-02T03:04:05+00:00'),
      c: Buffer.from('hi'),
      d: new Map([[1, 'x']]),
      e: new Set(['x']),
    })
  })

  test('a list that aliases repeat counts each time', () => {
    const text = `a: &a [${'1,'.repeat(100)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`
    expect(() =>
      serializerByName('yaml').decode(Buffer.from(text), { ...DEFAULT_LIMITS, maxNodes: 100_000 }),
    ).toThrow('the body holds more than 100000 values')
  })

  test('more tokens than fit into memory are refused before they are parsed', () => {
    const text = Buffer.from(`[${'[],'.repeat(250_000)}]`)
    expect(() => serializerByName('yaml').decode(text)).toThrow('at most 250000 tokens')
  })

  test.each(['1'.repeat(1_000_000), `1${':0'.repeat(400_000)}`])(
    'an integer of too many digits is refused',
    (text) => {
      expect(() => serializerByName('yaml').decode(Buffer.from(text.slice(0, 900_000)))).toThrow(
        '4300 digits',
      )
    },
  )
})

test('an integer of a million digits in a pickle is refused', () => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(400_000)
  const bytes = Buffer.concat([
    Buffer.from('80028b', 'hex'),
    size,
    Buffer.alloc(400_000, 1),
    Buffer.from('.'),
  ])
  expect(() => serializerByName('pickle').decode(bytes)).toThrow('at most 4300 digits')
})

function countedBy(text: string): number {
  const bytes = Buffer.from(text)
  for (let nodes = 1; ; nodes += 1) {
    try {
      new JsonNodes(bytes, nodes).advance(bytes.length)
      return nodes
    } catch {
      // More than so many.
    }
  }
}

function nodesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, item) => sum + nodesIn(item), 1)
}
