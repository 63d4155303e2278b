import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import type { Message } from '../../../src/protocol/message.ts'
import { encodeTask } from '../../../src/protocol/tasks/encode-task.ts'
import { python } from '../../codecs/python.ts'

/** Where a message ends: in a task that runs, or among what is kept aside. */
export type End = 'runs' | 'kept'

export interface Bomb {
  readonly name: string
  readonly message: (id: string) => Message
  /** Of its body, expanded. */
  readonly bytes: number
  readonly end: End
}

/** What bodies of so many bytes may hold, and where they end. */
const CONTENTS: Readonly<Record<string, readonly [End, (bytes: number) => Buffer]>> = {
  'lists of one number': ['kept', (bytes) => call(`[${'[0],'.repeat(bytes / 4)}0]`)],
  'empty dicts': ['kept', (bytes) => call(`[${'{},'.repeat(bytes / 3)}0]`)],
  'keys of which each is another': ['kept', (bytes) => call(`{${keys(bytes / 17)}"z":1}`)],
  'dicts with a key of its own each': ['kept', (bytes) => call(`[${oddDicts(bytes / 15)}0]`)],
  dates: ['kept', (bytes) => call(`[${DATE.repeat(bytes / DATE.length)}0]`)],
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

/** Limits count from here: smaller bodies of any content are legal. */
const CERTAINLY_TOO_MUCH = 50_000_000

const CODECS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
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
}

/** Each content compressed, as a body that large does not fit into a message as it is; and one content by each codec. */
export function bombsOf(bytes: number): Bomb[] {
  const zlib = Object.keys(CONTENTS).map((content) =>
    compressed(content, 'application/x-gzip', bytes),
  )
  const others = Object.keys(CODECS).flatMap((codec) =>
    codec === 'application/x-gzip' ? [] : [compressed('rows of a table', codec, bytes)],
  )
  // The small ones first: a process keeps some of what large ones have taken.
  return [...OF_THEIR_FORM, ...zlib, ...others]
}

function compressed(content: string, codec: string, bytes: number): Bomb {
  const [end, make] = CONTENTS[content] ?? []
  const compress = CODECS[codec]
  if (end === undefined || make === undefined || compress === undefined) throw new Error(content)
  return {
    name: `${content} (${codec})`,
    bytes,
    end: COUNTED.has(content) && bytes < CERTAINLY_TOO_MUCH ? 'runs' : end,
    message: (id) => withBody(id, compress(make(bytes)), { compression: codec }),
  }
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
  typed('tokens of YAML', 'application/x-yaml', Buffer.from(`[[${'[],'.repeat(249_000)}0],{},{}]`)),
  typed('aliases of YAML', 'application/x-yaml', Buffer.from(aliases())),
  typed(
    'a map of msgpack that lies about its size',
    'application/x-msgpack',
    Buffer.from('93dfffffffff8080', 'hex'),
  ),
  typed('empty bytes of msgpack', 'application/x-msgpack', emptyBytes(2_000_000)),
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
  const size = Buffer.alloc(4)
  size.writeUInt32BE(count)
  return Buffer.concat([
    Buffer.from('93dd', 'hex'),
    size,
    Buffer.alloc(2 * count, Buffer.from('c400', 'hex')),
    Buffer.from('8080', 'hex'),
  ])
}
