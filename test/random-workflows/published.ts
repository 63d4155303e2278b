import { decodeJson } from '../../src/codecs/json/json.ts'
import type { Delivery } from '../../src/index.ts'
import { amqpProperties } from '../../src/protocol/amqp-properties.ts'
import type { Fleet } from './fleet.ts'

/** One field of a message, as a path and its value without what differs from run to run. */
export type Fields = ReadonlyMap<string, string>

/** A published message: which one of its workflow it is, and all of its fields. */
export interface Published {
  readonly name: string
  readonly fields: Fields
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
    const fields = new Map<string, string>()
    const whole = { headers: message.headers, properties: amqpProperties(message.properties), body }
    flatten(plain(whole, run), '', fields)
    known.push({ name: nameOf(message.headers, body), fields })
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
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, plain(one, run, name)]),
  )
}

function neutral(text: string): string {
  return text
    .replace(/\b(?:python|export)\./g, 'task.')
    .replace(/'runner': '\w+'/g, "'runner': 'own'")
}

function flatten(value: unknown, path: string, fields: Map<string, string>): void {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    fields.set(path, JSON.stringify(value) ?? 'undefined')
    return
  }
  for (const [key, one] of Object.entries(value)) {
    flatten(one, path === '' ? key : `${path}.${key}`, fields)
  }
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
    return theirs.flatMap(({ fields }, at) =>
      fieldDifferences(name, fields, ours[at]?.fields ?? new Map()),
    )
  })
}

function fieldDifferences(
  message: string,
  python: Fields,
  node: Fields,
): readonly FieldDifference[] {
  const paths = [...new Set([...python.keys(), ...node.keys()])]
  return paths
    .filter((path) => python.get(path) !== node.get(path))
    .map((path) => ({
      message,
      path,
      python: python.get(path) ?? 'absent',
      node: node.get(path) ?? 'absent',
    }))
}
