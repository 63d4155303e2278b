import type { Message } from '../../src/protocol/message.ts'
import { message } from './messages.ts'

/** Numbers by chance that are the same for the same seed. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** From 0 up to, and without, `below`. Mulberry32, which is in the public domain. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T // there is one, as no list here is empty
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)))
  }
}

/** A message as a broken program might send it: built as a right one, and then spoilt in one to three places. */
export function poisoned(id: string, chance: Chance): Message {
  let spoilt = message({ id, correlationId: id, args: [id], kwargs: { slug: 'a' } })
  for (let times = 1 + chance.below(3); times > 0; times -= 1) {
    spoilt = chance.of(WAYS)(spoilt, chance)
  }
  return spoilt
}

type Way = (message: Message, chance: Chance) => Message

const WAYS: readonly Way[] = [
  // The bytes of the body.
  withBody(({ body }, chance) => body.subarray(0, chance.below(body.length))),
  withBody(({ body }, chance) => flipped(body, chance)),
  withBody((_, chance) => chance.bytes(chance.below(200))),
  withBody(({ body }, chance) => Buffer.concat([body, chance.bytes(1 + chance.below(4))])),
  withBody(({ body }) =>
    Buffer.from(body.toString('latin1').replace('"a"', '"\u00ff\u00c3"'), 'latin1'),
  ),
  withBody(({ body }) => Buffer.from(body.toString('latin1').replace('"a"', '"\u0000"'), 'latin1')),
  withBody(({ body }) => Buffer.from(body.toString(), 'utf16le')),
  // What is in it.
  withJson((chance) =>
    chance.of(['null', '1', '"text"', '[]', '[[]]', '[[], {}]', '[[], {}, {}, {}]', '{}', '']),
  ),
  withJson((chance) => '['.repeat(200 + chance.below(3000))),
  withJson((chance) => nested(100 + chance.below(2000))),
  withJson((chance) => `[[${'9'.repeat(1 + chance.below(2000))}e${chance.below(9999)}], {}, {}]`),
  withJson((chance) => `[[${chance.of(ODD)}], {"a": ${chance.of(ODD)}}, ${chance.of(ODD)}]`),
  withJson(
    (chance) =>
      `[${chance.of(ODD)}, ${chance.of(ODD)}, {"callbacks": ${chance.of(ODD)}, "chain": ${chance.of(ODD)}}]`,
  ),
  withJson(
    (chance) => `{"task": ${chance.of(ODD)}, "id": ${chance.of(ODD)}, "args": ${chance.of(ODD)}}`,
  ),
  // What is said of it.
  withHeader(
    ['id', 'task', 'root_id', 'parent_id', 'group'],
    [null, '', 7, [], {}, true, ['a'], '\u0000'],
  ),
  withHeader(
    ['retries', 'group_index', 'replaced_task_nesting'],
    ['many', -1, 1e9, 2 ** 40, null, [], 1.5],
  ),
  withHeader(['eta', 'expires'], ['tomorrow', '2026-13-45', '', 0, -1, {}, '9999-99-99T99:99:99']),
  withHeader(['timelimit', 'stamps', 'stamped_headers'], ['x', [1], [1, 2, 3], {}, 5, [[], {}]]),
  withHeader(['compression'], ['application/x-gzip', 'application/zstd', 'no such thing', 7, {}]),
  withHeader(['\u0000', '__proto__', 'constructor', 'argsrepr'], ['\u0000', {}, 'a\ud800b', null]),
  withContentType([
    'application/x-python-serialize',
    'text/plain',
    'application/x-yaml',
    'application/x-msgpack',
    'JSON',
    undefined,
  ]),
  withEncoding(['utf-16', 'utf-32', 'klingon', 'latin-1', 'binary', '']),
]

const ODD = [
  'NaN',
  '-Infinity',
  '1e999',
  '-0',
  '12345678901234567890123',
  'nul',
  'tru',
  '"\\u0000"',
  '"\\ud800"',
  '"\\x"',
  '{',
  '[',
  '',
  '{"__type__": "datetime", "__value__": "no"}',
  '{"__proto__": {"a": 1}}',
  '{"a": 1, "a": 2}',
  '{1: 2}',
  "'a'",
  '01',
  '[1,]',
  'null',
  'true',
  '[]',
  '{}',
  '"\t"',
]

function nested(depth: number): string {
  return `[[${'['.repeat(depth)}${']'.repeat(depth)}], {}, {}]`
}

function flipped(body: Buffer, chance: Chance): Buffer {
  const bytes = Buffer.from(body)
  for (let times = 1 + chance.below(4); times > 0 && bytes.length > 0; times -= 1) {
    bytes[chance.below(bytes.length)] = chance.below(256)
  }
  return bytes
}

function withBody(make: (message: Message, chance: Chance) => Buffer): Way {
  return (given, chance) => ({ ...given, body: make(given, chance) })
}

function withJson(make: (chance: Chance) => string): Way {
  return (given, chance) => ({ ...given, body: Buffer.from(make(chance)) })
}

function withHeader(names: readonly string[], values: readonly unknown[]): Way {
  return (given, chance) => {
    const headers = Object.fromEntries([
      ...Object.entries(given.headers),
      [chance.of(names), chance.of(values)],
    ])
    return { ...given, headers }
  }
}

function withContentType(types: readonly (string | undefined)[]): Way {
  return (given, chance) => {
    const { contentType: _, ...others } = given.properties
    const type = chance.of(types)
    return { ...given, properties: type === undefined ? others : { ...others, contentType: type } }
  }
}

function withEncoding(encodings: readonly string[]): Way {
  return (given, chance) => ({
    ...given,
    properties: { ...given.properties, contentEncoding: chance.of(encodings) },
  })
}
