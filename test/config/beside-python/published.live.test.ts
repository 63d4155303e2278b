import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { decompress } from '../../../src/codecs/compression/compression.ts'
import { serializerByContentType } from '../../../src/codecs/serializers.ts'
import { Config, type ConfigOptions } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import type { Delivery } from '../../../src/index.ts'
import { amqpProperties } from '../../../src/protocol/amqp-properties.ts'
import type { CallOptions } from '../../../src/protocol/tasks/call-options.ts'
import { startProcess } from '../../support/processes.ts'
import { deleteVhost, makeVhost, type Vhost } from '../../support/rabbitmq.ts'
import { service } from '../../support/services.ts'
import { PUBLISHED_CASES } from './published-cases.ts'

// Each setting that shows in what a producer publishes and declares, set in both languages.

const ARGS = [1, 'two', [3, [4, [5]]]]
const KWARGS = { x: { y: { z: null } } }

interface Case {
  readonly queue: string
  readonly task: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, unknown>>
}

const CASES: readonly Case[] = PUBLISHED_CASES.map(({ isByName, settings, options }, at) => {
  const queue = `case${at}`
  return {
    queue,
    task: isByName === true ? 'probe.elsewhere' : 'probe.note',
    settings: { task_default_queue: queue, ...settings?.(queue) },
    options: options?.(queue) ?? {},
  }
})

/** What a side did: whether a call failed, what it declared, and what is in its queues. */
interface Side {
  readonly failed: readonly boolean[]
  readonly declared: Declared
  readonly messages: ReadonlyMap<string, readonly unknown[]>
}

interface Declared {
  readonly queues: readonly Record<string, unknown>[]
  readonly exchanges: readonly Record<string, unknown>[]
  readonly bindings: readonly Record<string, unknown>[]
}

let python: Side
let node: Side

beforeAll(async () => {
  const vhosts = [await makeVhost(), await makeVhost()] as const
  try {
    const failed = await Promise.all([publishByPython(vhosts[0]), publishByNode(vhosts[1])])
    python = await sideOf(vhosts[0], failed[0])
    node = await sideOf(vhosts[1], failed[1])
  } finally {
    await Promise.all(vhosts.map(deleteVhost))
  }
}, 120_000)

test.each(PUBLISHED_CASES.map(({ name }, at) => [name, at] as const))(
  'with %s, a producer declares and publishes what Python does',
  (_, at) => {
    const theirs = seenOf(python, at)
    const ours = seenOf(node, at)
    expect(ours.failed).toBe(theirs.failed)
    expect(ours.messages).toEqual(theirs.messages)
    // Python declares the one queue that it publishes to, we also those that calls without options go to.
    for (const kind of ['queues', 'exchanges', 'bindings'] as const)
      expect(ours[kind]).toEqual(expect.arrayContaining([...theirs[kind]]))
  },
)

async function publishByPython(vhost: Vhost): Promise<readonly boolean[]> {
  const file = join(import.meta.dirname, 'python/published_calls.py')
  const cases = CASES.map((one) => ({ ...one, args: ARGS, kwargs: KWARGS }))
  const program = startProcess(service('PYTHON_CELERY'), [file], {
    env: { AMQP_URL: vhost.url },
    input: JSON.stringify(cases),
    isShared: true,
  })
  const { code } = await program.exited
  if (code !== 0) throw new Error(program.output)
  return (JSON.parse(program.stdout) as (string | null)[]).map((error) => error !== null)
}

async function publishByNode({ url }: Vhost): Promise<readonly boolean[]> {
  const failed: boolean[] = []
  for (const { queue, task, settings, options } of CASES) {
    const config = new Config({
      TOPOLOGY: 'celery',
      MIRROR: false,
      queues: [queue],
      broker_url: url,
      result_backend: 'disabled://',
      environment: {},
      dotenv: false,
      ...(settings as ConfigOptions),
    })
    const app = createApp(config)
    app.task('probe.note', { params: ['x'] }, (..._args: unknown[]) => null)
    const call = app.sendTask(task, ARGS, KWARGS, callOptions(options))
    failed.push(
      await call.then(
        () => false,
        () => true,
      ),
    )
    await app.close()
  }
  return failed
}

/** apply_async's names in JavaScript. */
function callOptions(options: Readonly<Record<string, unknown>>): CallOptions {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}

async function sideOf(vhost: Vhost, failed: readonly boolean[]): Promise<Side> {
  const declared = {
    queues: await listed(vhost, 'list_queues', 'name', 'durable', 'auto_delete', 'arguments'),
    exchanges: await listed(vhost, 'list_exchanges', 'name', 'type', 'durable', 'auto_delete'),
    bindings: await listed(
      vhost,
      ...['list_bindings', 'source_name', 'destination_name', 'routing_key'],
    ),
  }
  const messages = new Map<string, readonly unknown[]>()
  const broker = openBroker(vhost)
  for (const { name } of declared.queues) {
    const queue = String(name)
    const found: unknown[] = []
    for (let one = await broker.get(queue); one !== undefined; one = await broker.get(queue)) {
      found.push(await shown(one))
      await one.ack()
    }
    messages.set(queue, found)
  }
  await broker.close()
  return { failed, declared, messages }
}

async function listed(vhost: Vhost, ...command: string[]): Promise<Record<string, unknown>[]> {
  return JSON.parse(await vhost.rabbitmqctl(...command, '--formatter', 'json'))
}

interface Seen extends Readonly<Record<keyof Declared, readonly string[]>> {
  readonly failed: boolean | undefined
  /** By queue, those that hold any. */
  readonly messages: readonly (readonly [queue: string, messages: readonly unknown[]])[]
}

function seenOf({ failed, declared, messages }: Side, at: number): Seen {
  return {
    failed: failed[at],
    ...partOf(declared, `case${at}`),
    messages: [...messages].filter(([queue, { length }]) => isOf(queue, `case${at}`) && length > 0),
  }
}

function partOf(declared: Declared, name: string): Omit<Seen, 'failed' | 'messages'> {
  const sorted = (rows: readonly Record<string, unknown>[], keys: readonly string[]): string[] =>
    rows
      .filter((row) => keys.some((key) => isOf(String(row[key]), name)))
      .map((row) => JSON.stringify(row))
      .sort()
  return {
    queues: sorted(declared.queues, ['name']),
    exchanges: sorted(declared.exchanges, ['name']),
    bindings: sorted(
      declared.bindings.filter(({ source_name: source }) => source !== ''),
      ['destination_name'],
    ),
  }
}

/** case1 is not of case12. */
function isOf(name: string, one: string): boolean {
  return name === one || name.startsWith(`${one}-`)
}

/** All of it but for what is of this call, or of its language. */
async function shown({ message, route }: Delivery): Promise<unknown> {
  const { headers, properties, body } = message
  const { compression } = headers
  const bytes = typeof compression === 'string' ? await decompress(body, compression) : body
  return plain({
    route,
    headers,
    properties: amqpProperties(properties),
    body: readBody(bytes, String(properties.contentType)),
  })
}

/** JSON byte for byte; of what is written in several ways, the value. Pickles are never read here: their size says little. */
function readBody(bytes: Buffer, contentType: string): unknown {
  const serializer = serializerByContentType(contentType)
  if (serializer === undefined || serializer.name === 'pickle') return contentType
  return serializer.name === 'json' ? bytes.toString() : serializer.decode(bytes)
}

const OWN = new Set(['lang', 'origin', 'reply_to'])
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?/g

function plain(value: unknown, key = ''): unknown {
  if (OWN.has(key) && value) return 'own'
  if (typeof value === 'string') return value.replace(UUID, 'uuid').replace(TIME, minutesAhead)
  if (Array.isArray(value)) return value.map((one) => plain(one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, name)]))
}

/** A time as what it says of its zone, and how far ahead it is. */
function minutesAhead(text: string, fraction = '', zone = ''): string {
  const minutes = Math.round((Date.parse(text) - Date.now()) / 600_000) * 10
  return `in ${minutes} minutes, ${fraction === '' ? 'seconds' : 'fractions'}, zone ${zone}`
}
