import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeJson } from '../../src/codecs/json/json.ts'
import { propertiesOf } from '../../src/protocol/amqp-properties.ts'
import type { Message } from '../../src/protocol/message.ts'
import { OBJECTS } from '../protocol/spoiled.ts'
import { type RecordedMessage, recordedMessages } from '../support/vectors.ts'

const FOLDER = join(import.meta.dirname, '../fixtures/celery')
/** What any place may hold. */
const ODD: readonly unknown[] = [
  ...OBJECTS,
  null,
  true,
  [],
  [[[]]],
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  'a\0b',
  '\ud800',
  'x'.repeat(20_000),
]
/** And what JSON alone may. */
const ODD_JSON: readonly unknown[] = [...ODD, Number.NaN, Number.NEGATIVE_INFINITY, 10n ** 400n]

export type Kind = 'task' | 'event' | 'command' | 'reply'

/** Commands that a worker rightly obeys, and then takes no more tasks. */
const HALTING = /shutdown|cancel_consumer|pool_restart|pool_shrink|autoscale/

/** The recorded messages in JSON, by what they are. */
export function recorded(): Readonly<Record<Kind, readonly RecordedMessage[]>> {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  const all = names
    .filter((name) =>
      /^\{(?!.*[\s[](?:NaN|-?Infinity)\b)/s.test(readFileSync(join(FOLDER, name), 'utf8')),
    )
    .flatMap((name) => recordedMessages(name.slice(0, -5)))
    .filter(({ properties, body }) => isJson(properties, body))
  const of = (kind: Kind) => all.filter((message) => kindOf(message) === kind)
  return { task: of('task'), event: of('event'), command: of('command'), reply: of('reply') }
}

function kindOf({ exchange, headers, body }: RecordedMessage): Kind | undefined {
  // It rightly polls for ever, as nothing is stored of its chord.
  if (headers.task === 'celery.chord_unlock') return undefined
  if ('task' in headers) return 'task'
  if (exchange === 'celeryev') return 'event'
  if (exchange === 'celery.pidbox') return HALTING.test(body) ? undefined : 'command'
  return 'reply'
}

/** A chance that a seed gives again. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  of<Item>(items: readonly Item[]): Item {
    this.#state = (this.#state * 1_103_515_245 + 12_345) % 2_147_483_648
    // Its low digits repeat soon.
    const item = items[Math.floor((this.#state / 2_147_483_648) * items.length)]
    if (item === undefined) throw new RangeError('nothing to choose from')
    return item
  }
}

/** A recorded message with one scalar replaced, in its headers or in its body. `change` is made to it before. */
export function spoiledBy(
  chance: Chance,
  { headers, properties, body }: RecordedMessage,
  change: Readonly<Record<string, unknown>> = {},
): Message {
  const whole = { headers: { ...headers, ...change }, body: JSON.parse(body) }
  const path = chance.of([...scalarsIn(whole, [])])
  const odd = chance.of(path[0] === 'headers' ? ODD : ODD_JSON)
  const spoiled = replaced(whole, path, odd) as typeof whole
  return {
    headers: spoiled.headers,
    // Else the broker drops it once its time is over, as it should.
    properties: propertiesOf({ ...properties, expiration: undefined }),
    body: Buffer.from(encodeJson(spoiled.body)),
  }
}

type Path = readonly string[]

function* scalarsIn(value: unknown, path: Path): Generator<Path> {
  if (typeof value !== 'object' || value === null) {
    yield path
    return
  }
  for (const [key, inner] of Object.entries(value)) yield* scalarsIn(inner, [...path, key])
}

function replaced(value: unknown, [key, ...rest]: Path, odd: unknown): unknown {
  if (key === undefined) return odd
  if (Array.isArray(value))
    return value.map((item, at) => (String(at) === key ? replaced(item, rest, odd) : item))
  const dict = value as Readonly<Record<string, unknown>>
  return { ...dict, [key]: replaced(dict[key], rest, odd) }
}

function isJson({ content_type }: RecordedMessage['properties'], body: unknown): boolean {
  if (content_type !== 'application/json' || typeof body !== 'string') return false
  try {
    return typeof JSON.parse(body) === 'object'
  } catch {
    return false // compressed, or recorded as malformed
  }
}
