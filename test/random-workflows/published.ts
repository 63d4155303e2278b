import { isDeepStrictEqual } from 'node:util'
import { decodeJson } from '../../src/codecs/json/json.ts'
import type { Delivery } from '../../src/index.ts'
import { amqpProperties } from '../../src/protocol/amqp-properties.ts'
import type { Fleet } from './fleet.ts'

/** A published message: which one of its workflow it is, and what is in it but for what differs from run to run. */
export interface Published {
  readonly name: string
  readonly fields: unknown
}

const RUN = /\b[pm]\d+\.[a-z0-9]{6,10}(?=[-"'])/
const MOST = 1_000

/** Collects what is published on a fleet, by the run that it belongs to: the platform queue gets a copy of everything. */
export class Tap {
  readonly #byRun = new Map<string, Published[]>()
  /** Messages that name no run have a root that another one named. */
  readonly #runOfRoot = new Map<string, string>()

  async open({ app }: Fleet): Promise<void> {
    await app.broker().consume('platform.fifo', { prefetch: MOST }, (delivery) => {
      this.#keep(delivery)
      delivery.ack().catch(() => undefined) // the fleet is being closed
    })
  }

  of(run: string): readonly Published[] {
    return this.#byRun.get(run) ?? []
  }

  #keep({ message }: Delivery): void {
    const root = String(message.headers.root_id)
    const run = RUN.exec(message.body.toString())?.[0] ?? this.#runOfRoot.get(root)
    if (run === undefined) return
    this.#runOfRoot.set(root, run)
    const known = this.#byRun.get(run) ?? []
    this.#byRun.set(run, known)
    const body = decodeJson(message.body.toString()) as readonly unknown[]
    const whole = { headers: message.headers, properties: amqpProperties(message.properties), body }
    known.push({ name: nameOf(message.headers, body), fields: plain(whole, run) })
  }
}

/** Its task, its tag and how often it was tried. */
function nameOf(headers: Readonly<Record<string, unknown>>, body: readonly unknown[]): string {
  const args = Array.isArray(body[0]) ? body[0] : []
  const { tag = '' } = Object(args.at(-1)) as { readonly tag?: string }
  return `${neutral(String(headers.task))} ${tag} ${String(headers.retries)}`.replace('  ', ' ')
}

const TIMES = new Set(['eta', 'expires', 'expiration'])
/** Of whoever publishes. */
const OWN = new Set(['lang', 'origin', 'reply_to', 'runner'])
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

function plain(value: unknown, run: string, key = ''): unknown {
  if (OWN.has(key) && value !== null) return 'own'
  if (TIMES.has(key) && value !== null) return 'time'
  if (typeof value === 'string') {
    return neutral(value.replaceAll(`${run}-`, '').replaceAll(run, 'run').replace(UUID, 'uuid'))
  }
  if (Array.isArray(value)) return value.map((one) => plain(one, run))
  if (typeof value !== 'object' || value === null) return value
  // An option that is null says what one that is absent does.
  const entries = Object.entries(value).filter(([, one]) => key !== 'options' || one !== null)
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one, run, name)]))
}

function neutral(text: string): string {
  return text
    .replace(/\b(?:python|export)\./g, 'task.')
    .replace(/'runner': '\w+'/g, "'runner': 'own'")
}

export interface FieldDifference {
  readonly message: string
  readonly path: string
  readonly python: string
  readonly node: string
}

/** Field by field; messages that only one side has are told as a whole. */
export function publishedDifferences(
  python: readonly Published[],
  node: readonly Published[],
): readonly FieldDifference[] {
  const names = [...new Set([...python, ...node].map(({ name }) => name))]
  return names.flatMap((name) => {
    const theirs = python.filter((one) => one.name === name)
    const ours = node.filter((one) => one.name === name)
    if (theirs.length !== ours.length) {
      return [
        {
          message: name,
          path: 'times published',
          python: String(theirs.length),
          node: String(ours.length),
        },
      ]
    }
    return paired(theirs, ours).flatMap(([one, other]) =>
      fieldDifferences(one, other, '').map((found) => ({ message: name, ...found })),
    )
  })
}

/** Those of one name may be published in any order: the same ones belong together, then those whose text is alike. */
function paired(
  theirs: readonly Published[],
  ours: readonly Published[],
): readonly (readonly [unknown, unknown])[] {
  const left = ours.map(({ fields }) => fields)
  const others = theirs.filter(({ fields }) => {
    const same = left.findIndex((one) => isDeepStrictEqual(one, fields))
    if (same !== -1) left.splice(same, 1)
    return same === -1
  })
  left.sort(byText)
  return others
    .map(({ fields }) => fields)
    .sort(byText)
    .map((fields, at) => [fields, left[at]])
}

function byText(one: unknown, other: unknown): number {
  return textOf(one).localeCompare(textOf(other))
}

/** Where a part is of another kind, or a signature of another task, it is one difference. */
function fieldDifferences(
  python: unknown,
  node: unknown,
  path: string,
): readonly Omit<FieldDifference, 'message'>[] {
  if (isDeepStrictEqual(python, node)) return []
  const [theirs, ours] = [partsOf(python), partsOf(node)]
  if (theirs === undefined || ours === undefined || !areAlike(theirs, ours)) {
    return [{ path, python: textOf(python), node: textOf(node) }]
  }
  const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])]
  return keys.flatMap((key) =>
    fieldDifferences(theirs[key], ours[key], path === '' ? key : `${path}.${key}`),
  )
}

type Parts = Readonly<Record<string, unknown>>

function partsOf(value: unknown): Parts | undefined {
  return typeof value === 'object' && value !== null ? (value as Parts) : undefined
}

function areAlike(theirs: Parts, ours: Parts): boolean {
  if (Array.isArray(theirs)) return Array.isArray(ours) && theirs.length === ours.length
  return !Array.isArray(ours) && theirs.task === ours.task
}

function textOf(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}
