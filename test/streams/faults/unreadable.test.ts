import { expect, test } from 'vitest'
import { encodeMsgpack } from '../../../src/codecs/msgpack/msgpack.ts'
import { silentLogger } from '../../../src/logger.ts'
import {
  Block,
  type Codec,
  json,
  msgpack,
  operator,
  Received,
  type StreamError,
  text,
} from '../../../src/streams/index.ts'
import { readMessage } from '../../../src/streams/links/read-message.ts'
import { Collector, settlementOf } from '../support/parts.ts'

const array = (data: Buffer, dtype: string, shape: readonly number[]): Buffer =>
  Buffer.from(encodeMsgpack({ data, dtype, shape }))

/** An array32 or map32 of four thousand million entries, of which none follows. */
const header = (kind: number): Buffer => Buffer.from([kind, 0xff, 0xff, 0xff, 0xff])

const FOUR = Buffer.alloc(4)
const BAD: readonly (readonly [what: string, codec: Codec, bytes: Buffer])[] = [
  ['an array whose shape is larger than its bytes', msgpack(), array(FOUR, 'uint16', [3])],
  ['an array whose shape is smaller than its bytes', msgpack(), array(FOUR, 'uint16', [1])],
  ['an array whose shape overflows', msgpack(), array(FOUR, 'uint16', [2 ** 40, 2 ** 40])],
  ['an array of an unknown dtype', msgpack(), array(FOUR, 'object', [1])],
  ['an array whose dtype is the name of a prototype', msgpack(), array(FOUR, '__proto__', [1])],
  ['an array whose last element is incomplete', msgpack(), array(Buffer.alloc(3), 'float32', [1])],
  ['a list that claims four thousand million entries', msgpack(), header(0xdd)],
  ['a map that claims four thousand million entries', msgpack(), header(0xdf)],
  ['bytes that claim a length of four thousand million', msgpack(), header(0xc6)],
  ['a hundred thousand lists in each other', msgpack(), Buffer.alloc(100_000, 0x91)],
  ['half a message', msgpack(), Buffer.from(encodeMsgpack({ run: 'r-1' })).subarray(0, 5)],
  ['two messages in one', msgpack(), Buffer.from([1, 2])],
  ['an empty message', msgpack(), Buffer.alloc(0)],
  ['JSON that ends early', json(), Buffer.from('{"run":')],
  ['deep JSON', json(), Buffer.from('['.repeat(100_000))],
  ['text that is not UTF-8', text(), Buffer.from([0xff, 0xfe])],
]

test.each(BAD)(
  '%s cannot be read: it is rejected with its bytes, and the messages around it are published',
  async (_what, codec, bytes) => {
    const out = new Collector()
    const fates: string[] = []
    const reasons: Error[] = []
    const good = codec.encode('good')
    const settlement = {
      ...settlementOf('bad', fates),
      reject: (cause: Error) => void reasons.push(cause),
    }
    const messages = [
      readMessage(codec, Buffer.from(good)),
      readMessage(codec, bytes, { settlement }),
      readMessage(codec, Buffer.from(good)),
    ]
    const block = new Block(
      'b',
      operator((message: unknown) => message),
      {
        listeners: [messages],
        publishers: [out],
        logger: silentLogger,
      },
    )
    const startedAt = performance.now()
    await block.run()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(out.messages).toEqual(['good', 'good'])
    expect(block.stats.failed).toBe(1)
    const [reason] = reasons as StreamError[]
    expect(reason?.code).toBe('STREAM_MESSAGE_UNREADABLE')
    expect(Buffer.from(reason?.bytes ?? []).equals(bytes)).toBe(true)
    expect(reason?.message).toMatch(/^block "b": message 2 of .* cannot be read: /)
    expect(reason?.message.length).toBeLessThan(1_000)
  },
)

test('with onError "stop" a message that cannot be read ends the run and goes back to its source', async () => {
  const fates: string[] = []
  const settlement = settlementOf('bad', fates)
  const block = new Block(
    'b',
    operator((message: unknown) => message),
    {
      listeners: [[readMessage(json(), Buffer.from('{'), { settlement })]],
      onError: 'stop',
      logger: silentLogger,
    },
  )
  await expect(block.run()).rejects.toThrow(/message 1 of .* cannot be read.*its 1 bytes begin 7b/)
  expect(fates).toEqual(['back bad'])
})

test('messages that an operator throws on are left out, and the log names message and reason', async () => {
  const said: string[] = []
  const logger = {
    ...silentLogger,
    error: (fields: { err: Error }) => void said.push(fields.err.message),
    child: () => logger,
  }
  const out = new Collector()
  const picky = operator(function threes(n: number) {
    if (n % 3 !== 0) throw new RangeError(`${n} is no multiple of 3`)
    return n
  })
  const block = new Block('thirds', picky, {
    listeners: [[1, 2, 3, 4, 5, 6].map((value) => new Received({ value }))],
    publishers: [out],
    logger: logger as never,
  })
  await block.run()
  expect(out.messages).toEqual([3, 6])
  expect(block.stats).toMatchObject({ received: 6, failed: 4, published: 2 })
  expect(said[0]).toBe(
    'block "thirds": operator threes failed on message 1 of Array: 1 is no multiple of 3',
  )
})
