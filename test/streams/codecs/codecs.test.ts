import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeMsgpack } from '../../../src/codecs/msgpack/msgpack.ts'
import {
  Event,
  json,
  msgpack,
  NumericArray,
  raw,
  Start,
  Stop,
  text,
} from '../../../src/streams/index.ts'
import { PROJECT } from '../../support/services.ts'

const fixture = (name: string) =>
  JSON.parse(readFileSync(join(PROJECT, 'test/fixtures/streams', name), 'utf8'))

const run = fixture('zmq-pub-sub-msgpack-run.json').process_calls_hex.map((hex: string) =>
  Buffer.from(hex, 'hex'),
)

test('the recorded run is read as Start, Event with an array, and Stop', () => {
  const [start, event, stop] = run.map((bytes: Buffer) => msgpack().decode(bytes))
  expect(start).toBeInstanceOf(Start)
  expect(start).toMatchObject({
    msg_type: 'start',
    run_name: 'demo',
    width: 3,
    data_type: 'uint16',
  })
  expect(start.data).toMatchObject({ run_id: 'r-0001', height: 2 })
  expect(event).toBeInstanceOf(Event)
  expect(event.metadata).toEqual({ frame_number: 0, tiled_url: 'http://tiled.example/run/1/0' })
  const { array } = event.payload.image
  expect(array).toBeInstanceOf(NumericArray)
  expect(array).toMatchObject({ dtype: 'uint16', shape: [2, 3] })
  expect([...array.data]).toEqual([0, 1, 2, 3, 4, 5])
  expect(stop).toBeInstanceOf(Stop)
  expect(stop.data).toEqual({ num_frames: 1 })
})

test('each recorded message is written again byte for byte', () => {
  const codec = msgpack()
  for (const bytes of run) expect(Buffer.from(codec.encode(codec.decode(bytes)))).toEqual(bytes)
  const file = fixture('file-watcher-message.json')
  expect(String(json().encode(file.model_dump))).toBe(file.json_utf8)
  expect(Buffer.from(msgpack().encode(file.model_dump)).toString('hex')).toBe(file.msgpack_hex)
  expect(json().decode(Buffer.from(file.json_utf8))).toEqual(file.model_dump)
})

test('messages of our own travel as maps and come back as themselves', () => {
  for (const codec of [json(), msgpack()]) {
    const messages = [
      new Start({ run: 1 }),
      new Event({ n: 1 }, { mean: 2.5 }),
      new Event({ n: 2 }, 7),
      new Stop(5),
    ]
    const back = messages.map((message) => codec.decode(Buffer.from(codec.encode(message))))
    expect(back).toEqual(messages)
    expect(back[1]).toBeInstanceOf(Event)
    expect((back[1] as Event).payload).toEqual({ mean: 2.5 })
    expect((back[3] as Stop).data).toBe(5)
  }
})

test('arrays are read in both byte orders, and written in the order they name', () => {
  const big = { data: Buffer.from([0, 1, 2, 3]), dtype: '>u2', shape: [2] }
  const array = msgpack<NumericArray>().decode(encodeMsgpack(big))
  expect([...array.data]).toEqual([1, 0x0203])
  expect(Buffer.from(msgpack().encode(array))).toEqual(encodeMsgpack(big))
  const pairs = { data: Buffer.alloc(16), dtype: 'complex64', shape: [2, 1] }
  expect(msgpack<NumericArray>().decode(encodeMsgpack(pairs)).data).toHaveLength(4)
})

test('an aligned array shares the memory of its message', () => {
  const bytes = Buffer.from(new ArrayBuffer(64), 8, 16)
  const shared = NumericArray.fromBytes(bytes, '<f8', [2])
  expect(shared.data.buffer).toBe(bytes.buffer)
  const odd = NumericArray.fromBytes(Buffer.from(new ArrayBuffer(64), 1, 16), '<f8', [2])
  expect([...odd.data]).toEqual([0, 0])
})

test.each([
  [{ data: Buffer.alloc(6), dtype: 'uint16', shape: [2, 2] }, /has 8 bytes, found 6/],
  [{ data: Buffer.alloc(6), dtype: 'object', shape: [6] }, /dtype is 'object', expected one of/],
  [{ data: Buffer.alloc(6), dtype: 'uint8', shape: [-6] }, /the shape is \[ -6 \]/],
  [{ data: Buffer.alloc(6), dtype: 'uint8', shape: 6 }, /the shape is 6/],
  [{ data: Buffer.alloc(0), dtype: 'uint8', shape: Array(40).fill(1) }, /at most 32/],
])('an array that lies is refused: %j', (array, error) => {
  expect(() => msgpack().decode(encodeMsgpack(array))).toThrow(error)
})

test('a map of a few bytes that claims millions of values is refused before it costs memory', () => {
  expect(() => msgpack().decode(Buffer.from('ddffffffff', 'hex'))).toThrow(
    /expected 4294967295 values/,
  )
  expect(() => msgpack().decode(Buffer.from('91'.repeat(2000), 'hex'))).toThrow(/500 levels/)
  expect(() => msgpack().decode(Buffer.from('c6ffffffff00', 'hex'))).toThrow(/4294967295 bytes/)
})

test('text and json refuse what is none', () => {
  expect(() => text().decode(Buffer.from([0xff]))).toThrow()
  expect(() => json().decode(Buffer.from('{"a":'))).toThrow()
  expect(() => json().encode({ bytes: Buffer.from('x') })).toThrow(/cannot encode bytes/)
  expect(() => json().encode(Number.NaN)).toThrow(/cannot encode NaN/)
  expect(() => raw().encode({} as never)).toThrow(/raw\(\) cannot encode a Object/)
  expect(String(json().encode({ n: 2n ** 70n }))).toBe('{"n":1180591620717411303424}')
})

test('a shape is a schema, a class, or a function', () => {
  class Frame {
    readonly n: number
    constructor({ n }: { readonly n: number }) {
      this.n = n
    }
  }
  const schema = {
    '~standard': {
      validate: (value: unknown) =>
        typeof (value as Frame).n === 'number'
          ? { value }
          : { issues: [{ message: 'expected a number', path: ['n'] }] },
    },
  }
  const bytes = Buffer.from('{"n":1}')
  expect(json(Frame).decode(bytes)).toBeInstanceOf(Frame)
  expect(json((value: Frame) => value.n).decode(bytes)).toBe(1)
  expect(json(schema).decode(bytes)).toEqual({ n: 1 })
  expect(() => json(schema).decode(Buffer.from('{}'))).toThrow(/n expected a number/)
})

test('an error shows no more than the beginning of what lies', () => {
  const lies = [
    { data: Buffer.alloc(4), dtype: 'x'.repeat(100_000), shape: [2] },
    { data: Buffer.alloc(4), dtype: 'uint16', shape: Array(100_000).fill(1) },
    { data: Buffer.alloc(4), dtype: 'uint16', shape: [2n ** 60n] },
  ]
  for (const lie of lies) {
    const bytes = Buffer.from(encodeMsgpack(lie))
    expect(() => msgpack().decode(bytes)).toThrow(
      /^the (?:dtype|shape) is .{0,210}expected .{0,200}$/,
    )
  }
})

test('json writes a Map as an object, and refuses a Set rather than lose what is in it', () => {
  expect(String(json().encode({ map: new Map([['a', 1]]) }))).toBe('{"map":{"a":1}}')
  expect(() => json().encode([new Set([1])])).toThrow('json() cannot encode a Set')
})
