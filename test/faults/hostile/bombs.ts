import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { compress } from '../../../src/codecs/compression/compression.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { encodeTask } from '../../../src/protocol/tasks/encode-task.ts'
import { python } from '../../codecs/python.ts'

/** Where a message ends: in a task that runs, or among what is kept aside. */
export type End = 'runs' | 'kept'

export interface Bomb {
  readonly name: string
  readonly message: (id: string) => Message | Promise<Message>
  /** Of its body, expanded. */
  readonly bytes: number
  /** Undefined where it depends on how much of it there is. */
  readonly end: End | undefined
}

const MSGPACK = 'application/x-msgpack'
const YAML = 'application/x-yaml'

/** What bodies of so many bytes may hold, and where they end. */
const CONTENTS: Readonly<Record<string, readonly [End, (bytes: number) => Buffer]>> = {
  'lists of one number': ['kept', (bytes) => call(`[${'[0],'.repeat(bytes / 4)}0]`)],
  'empty dicts': ['kept', (bytes) => call(`[${'{},'.repeat(bytes / 3)}0]`)],
  'keys of which each is another': ['kept', (bytes) => call(`{${keys(bytes / 17)}"z":1}`)],
  'dicts with a key of its own each': ['kept', (bytes) => call(`[${oddDicts(bytes / 15)}0]`)],
  dates: ['kept', (bytes) => call(`[${DATE.repeat(bytes / DATE.length)}0]`)],
  numbers: ['runs', (bytes) => call(`[${'123456,'.repeat(bytes / 7)}0]`)],
  'numbers with a fraction': ['runs', (bytes) => call(`[${'1234.5,'.repeat(bytes / 7)}0]`)],
  'rows of a table': ['runs', (bytes) => call(`[${rows(bytes / 110)}0]`)],
  'one text': ['runs', (bytes) => call(`"${'a'.repeat(bytes)}"`)],
  'a text of quotes': ['runs', (bytes) => call(`"${'\\"'.repeat(bytes / 2)}"`)],
  'a text of Chinese': ['runs', (bytes) => call(`"${'\u4e2d'.repeat(bytes / 3)}"`)],
  blanks: ['kept', (bytes) => Buffer.alloc(bytes, ' ')],
  'blanks behind a call': ['runs', (bytes) => Buffer.from(`[[],{},{}]${' '.repeat(bytes)}`)],
  'levels of brackets': ['kept', (bytes) => call('['.repeat(bytes))],
  digits: ['kept', (bytes) => call('1'.repeat(bytes))],
  'what follows the task': [
    'kept',
    (bytes) => Buffer.from(`[[],{},{"chain":[${'[0],'.repeat(bytes / 4)}0]}]`),
  ],
  'what is no JSON': ['kept', (bytes) => Buffer.from(`[[${'[0],'.repeat(bytes / 4)}`)],
}

/** The same of bodies in other formats, by their content type. */
const FORMATS: readonly (readonly [string, string, End, (bytes: number) => Buffer])[] = [
  [
    'a text of msgpack',
    MSGPACK,
    'runs',
    (bytes) => msgpackCall(0xdb, bytes, Buffer.alloc(bytes, 'a')),
  ],
  [
    'numbers of msgpack',
    MSGPACK,
    'runs',
    (bytes) =>
      msgpackCall(0xdd, bytes / 8, Buffer.alloc((bytes / 8) * 5, Buffer.from('ce00bc614e', 'hex'))),
  ],
  [
    'lists of msgpack',
    MSGPACK,
    'kept',
    (bytes) => msgpackCall(0xdd, bytes / 2, Buffer.alloc(bytes, Buffer.from('9100', 'hex'))),
  ],
  ['levels of msgpack', MSGPACK, 'kept', (bytes) => Buffer.alloc(bytes, 0x91)],
  ['a text of YAML', YAML, 'kept', (bytes) => Buffer.from(`[["${'a'.repeat(bytes)}"],{},{}]`)],
  ['lines of YAML', YAML, 'kept', (bytes) => Buffer.from(`${'\n'.repeat(bytes)}[[],{},{}]`)],
]

/** Bodies of any content are legal below, and those of contents that are counted are not above. */
const CERTAINLY_LEGAL = 5_000_000
const CERTAINLY_TOO_MUCH = 50_000_000

const CODECS: Readonly<Record<string, (bytes: Buffer) => Buffer | Promise<Buffer>>> = {
  'application/x-gzip': (bytes) => deflateSync(bytes),
  // The best quality, which is the default, takes minutes.
  'application/x-brotli': (bytes) =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  'application/x-bz2': (bytes) =>
    python(
      'import bz2, sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read()))',
      bytes,
    ),
  'application/x-lzma': (bytes) =>
    python(
      'import lzma, sys; sys.stdout.buffer.write(lzma.compress(sys.stdin.buffer.read(), preset=0))',
      bytes,
    ),
  // Ours store what they are given: the body is as large before it is expanded.
  'application/zstd': (bytes) => compress(bytes, 'zstd'),
  xz: (bytes) => compress(bytes, 'xz'),
}

/** Each content compressed, as a body that large does not fit into a message as it is; and one content by each codec. */
export function bombsOf(bytes: number): Bomb[] {
  const zlib = Object.keys(CONTENTS).map((content) =>
    compressed(content, 'application/x-gzip', bytes),
  )
  const others = Object.keys(CODECS).flatMap((codec) =>
    codec === 'application/x-gzip' ? [] : [compressed('rows of a table', codec, bytes)],
  )
  // The small ones first, then those that take most: a process keeps some of what large ones have taken.
  const formats = FORMATS.map(([name, contentType, end, make]) => ({
    name,
    bytes,
    end: endOf(name, end, bytes),
    message: (id: string) =>
      withBody(id, deflateSync(make(bytes)), { compression: 'application/x-gzip' }, contentType),
  }))
  return [...OF_THEIR_FORM, ...others, ...zlib, ...formats]
}

function compressed(content: string, codec: string, bytes: number): Bomb {
  const [end, make] = CONTENTS[content] ?? []
  const compressBy = CODECS[codec]
  if (end === undefined || make === undefined || compressBy === undefined) throw new Error(content)
  return {
    name: `${content} (${codec})`,
    bytes,
    end: endOf(content, end, bytes),
    message: async (id) =>
      withBody(id, await compressBy(make(bytes)), {
        compression: codec === 'xz' ? 'application/x-lzma' : codec,
      }),
  }
}

function endOf(content: string, end: End, bytes: number): End | undefined {
  if (!COUNTED.has(content) || bytes > CERTAINLY_TOO_MUCH) return end
  return bytes < CERTAINLY_LEGAL ? 'runs' : undefined
}

/** What is wrong with them is how much of it there is. */
const COUNTED = new Set([
  'lists of one number',
  'empty dicts',
  'keys of which each is another',
  'dicts with a key of its own each',
  'dates',
  'what follows the task',
])

const EMPTY_FRAME = Buffer.from('28b52ffd0058010000', 'hex')
const LARGE_WINDOW = Buffer.from('28b52ffd0098090000' + '20', 'hex')
const EMPTY_STREAM = Buffer.from('425a683917724538509000000000', 'hex')

const OF_THEIR_FORM: readonly Bomb[] = [
  formed(
    'empty frames of zstd',
    'application/zstd',
    Buffer.concat(Array(262_144).fill(EMPTY_FRAME)),
  ),
  formed('a window of zstd of half a gigabyte', 'application/zstd', LARGE_WINDOW),
  formed(
    'empty streams of bzip2',
    'application/x-bz2',
    Buffer.concat(Array(60_000).fill(EMPTY_STREAM)),
  ),
  formed('what is no zlib', 'application/x-gzip', Buffer.alloc(1_000_000, 7)),
  formed('a compression that is none', 'application/x-nothing', Buffer.from('[[], {}, {}]')),
  typed('tokens of YAML', YAML, Buffer.from(`[[${'[],'.repeat(249_000)}0],{},{}]`)),
  typed('dashes of YAML', YAML, Buffer.from(`${'- '.repeat(100_000)}x`)),
  typed('question marks of YAML', YAML, Buffer.from(`${'? '.repeat(100_000)}x`)),
  typed('aliases of YAML', YAML, Buffer.from(aliases())),
  typed(
    'a map of msgpack that lies about its size',
    MSGPACK,
    Buffer.from('93dfffffffff8080', 'hex'),
  ),
  typed('empty bytes of msgpack', MSGPACK, emptyBytes(2_000_000)),
]

function formed(name: string, compression: string, body: Buffer): Bomb {
  return {
    name,
    bytes: body.length,
    end: 'kept',
    message: (id) => withBody(id, body, { compression }),
  }
}

function typed(name: string, contentType: string, body: Buffer): Bomb {
  return {
    name,
    bytes: body.length,
    end: 'kept',
    message: (id) => withBody(id, body, {}, contentType),
  }
}

export function withBody(
  id: string,
  body: Buffer,
  headers: Readonly<Record<string, unknown>>,
  contentType = 'application/json',
): Message {
  const plain = encodeTask({ id, task: 'hostile.take', args: [] })
  return {
    headers: { ...plain.headers, ...headers },
    properties: { ...plain.properties, contentType },
    body,
  }
}

/** A call with this as its only argument. */
function call(argument: string): Buffer {
  return Buffer.from(`[[${argument}],{},{}]`)
}

export function keys(count: number): string {
  return Array.from({ length: count }, (_, at) => `"key-${at}":1,`).join('')
}

function oddDicts(count: number): string {
  return Array.from({ length: count }, (_, at) => `{"k${at}":1},`).join('')
}

const DATE = '{"__type__":"datetime","__value__":"2031-02-03T04:05:06"},'
function rows(count: number): string {
  return Array.from(
    { length: count },
    (_, at) =>
      `{"id": ${at}, "name": "the name of ${at}", "mail": "${at}@example.org", "active": true, "tags": ["a", "b"]},`,
  ).join('')
}

/** Nine levels, each of which repeats the one before ten times. */
function aliases(): string {
  const levels = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? '- &a0 [x]' : `- &a${level} [${`*a${level - 1},`.repeat(10)}]`,
  )
  return levels.join('\n')
}

function emptyBytes(count: number): Buffer {
  return Buffer.concat([
    Buffer.from('93', 'hex'),
    sized(0xdd, count),
    Buffer.alloc(2 * count, Buffer.from('c400', 'hex')),
    Buffer.from('8080', 'hex'),
  ])
}

/** A call with one argument: a tag with four bytes for how much follows, and what follows. */
function msgpackCall(tag: number, count: number, content: Buffer): Buffer {
  const [start, end] = [Buffer.from('9391', 'hex'), Buffer.from('8080', 'hex')]
  return Buffer.concat([start, sized(tag, count), content, end])
}

function sized(tag: number, count: number): Buffer {
  const bytes = Buffer.alloc(5, tag)
  bytes.writeUInt32BE(count, 1)
  return bytes
}
