import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { serializerByContentType } from '../../../src/codecs/serializers.ts'
import { durableExchange, durableQueue } from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'
import {
  beganKey,
  callTask,
  redis,
  type Side,
  startBothSides,
  stopBothSides,
} from './both-workers.ts'
import { plain } from './plain.ts'
import { WORKED_CASES, type WorkedCall, type WorkedCase } from './worked-cases.ts'

// Settings that show in what a worker declares, takes or reports, set for a worker of each language.

const ARGS: Readonly<Record<WorkedCall, readonly unknown[]>> = {
  add: [1, 2],
  fail: ['no'],
  wait: [],
}
const REPORTING = WORKED_CASES.filter(({ settings }) => settings?.event_exchange !== undefined)

type Row = Readonly<Record<string, unknown>>

/** An event, and the task that it is about. */
interface Heard {
  readonly shown: unknown
  readonly type: string
  readonly uuid: string
}

/** Everything that is there, and the events so far. */
interface Seen {
  readonly queues: readonly Row[]
  readonly exchanges: readonly Row[]
  readonly bindings: readonly Row[]
  readonly events: ReadonlyMap<WorkedCase, readonly Heard[]>
}

let sides: readonly [python: Side, node: Side]
const heard = new Map<Side, Map<WorkedCase, Heard[]>>()
let theirs: Seen
let ours: Seen

beforeAll(async () => {
  sides = await startBothSides(WORKED_CASES, listen)
  await Promise.all(sides.map(callAll))
  // What a worker takes and tells comes a moment after its tasks began; what differs is left to the tests.
  const isSame = async () => {
    ;[theirs, ours] = await Promise.all([seenOn(sides[0]), seenOn(sides[1])])
    return WORKED_CASES.every((one) => isDeepStrictEqual(partOf(ours, one), partOf(theirs, one)))
  }
  await waitFor('both to be the same', isSame, { deadlineMs: 15_000, everyMs: 200 }).catch(
    () => undefined,
  )
}, 120_000)

afterAll(async () => {
  await stopBothSides(sides)
}, 60_000)

test.each(WORKED_CASES)('a worker declares, takes and tells what Python’s does: $name', (one) => {
  expect(partOf(theirs, one).queues).not.toEqual([])
  expect(lettersOf(theirs, one)).toBe(one.letters ?? 0)
  expect(partOf(ours, one)).toEqual(partOf(theirs, one))
})

async function listen(broker: Broker): Promise<void> {
  await broker.declare({
    exchanges: REPORTING.map(({ name }) => durableExchange(`${name}-events`, 'topic')),
    queues: [
      ...REPORTING.map(({ name }) => durableQueue(`seen:${name}`)),
      ...WORKED_CASES.map(({ name }) => durableQueue(`${name}-letters`)),
    ],
    bindings: REPORTING.map(({ name }) => ({
      exchange: `${name}-events`,
      queue: `seen:${name}`,
      routingKey: '#',
    })),
  })
}

async function callAll(side: Side): Promise<void> {
  const begun: string[] = []
  for (const { name, calls, begun: most } of WORKED_CASES) {
    const ids = calls.map((_, at) => `${side.vhost.name}.${name}.${at}`)
    for (const [at, id] of ids.entries()) {
      const call = calls[at] ?? 'wait'
      await callTask(side, { queue: name, task: `probe.${call}`, args: ARGS[call], kwargs: {}, id })
    }
    const waiting = ids.filter((_, at) => calls[at] === 'wait')
    begun.push(...waiting.slice(0, most).map(beganKey))
  }
  await waitFor(
    `the tasks of each worker in ${side.language}`,
    async () => !(await redis().mget(begun)).includes(null),
    { deadlineMs: 60_000 },
  )
}

async function seenOn(side: Side): Promise<Seen> {
  const list = async (...command: string[]): Promise<readonly Row[]> =>
    JSON.parse(await side.vhost.rabbitmqctl(...command, '--formatter', 'json'))
  const counts = ['messages_ready', 'messages_unacknowledged']
  const declared = ['name', 'durable', 'exclusive', 'auto_delete', 'arguments']
  return {
    events: await eventsOf(side),
    queues: await list('list_queues', ...declared, ...counts),
    exchanges: await list('list_exchanges', 'name', 'type', 'durable', 'auto_delete'),
    bindings: await list('list_bindings', 'source_name', 'destination_name', 'routing_key'),
  }
}

async function eventsOf(side: Side): Promise<Seen['events']> {
  const all = heard.get(side) ?? new Map<WorkedCase, Heard[]>()
  heard.set(side, all)
  for (const one of REPORTING) {
    const events = all.get(one) ?? []
    all.set(one, [...events, ...(await eventsIn(side, `seen:${one.name}`))])
  }
  return new Map(all)
}

async function eventsIn({ broker, vhost }: Side, queue: string): Promise<readonly Heard[]> {
  const events: Heard[] = []
  for (let one = await broker.get(queue); one !== undefined; one = await broker.get(queue)) {
    const { properties, headers, body } = one.message
    // Ours are persistent.
    const { deliveryMode: _, ...sent } = properties
    const content = serializerByContentType(String(properties.contentType))?.decode(body)
    for (const event of (Array.isArray(content) ? content : [content]) as Row[]) {
      const { routingKey: key } = one.route
      const shown = plain({ key, sent, headers, event }, `${vhost.name}.`)
      events.push({ shown, type: String(event.type), uuid: String(event.uuid ?? '') })
    }
    await one.ack()
  }
  return events
}

/** In their order for each task. How many heartbeats there are by then is chance. */
function inOrder(events: readonly Heard[] = []): readonly unknown[] {
  return events
    .filter(({ type }) => type !== 'worker-heartbeat')
    .toSorted((one, other) => one.uuid.localeCompare(other.uuid))
    .map(({ shown }) => shown)
}

/** What is not acknowledged is rejected by Python's worker, and kept aside by ours. */
function lettersOf({ queues }: Seen, { name }: WorkedCase): number {
  const places = [`${name}-letters`, `dlq.${name}`]
  return queues
    .filter((queue) => places.includes(String(queue.name)))
    .reduce((sum, queue) => sum + Number(queue.messages_ready), 0)
}

function partOf(seen: Seen, one: WorkedCase): Record<keyof Seen | 'letters', unknown> {
  const rows = (all: readonly Row[], key: string): unknown =>
    all
      .filter((row) => isOf(String(row[key]), one) && row.source_name !== '')
      .map((row) => JSON.stringify(plain(row, '\0')))
      .sort()
  return {
    queues: rows(seen.queues, 'name'),
    exchanges: rows(seen.exchanges, 'name'),
    bindings: rows(seen.bindings, 'destination_name'),
    letters: lettersOf(seen, one),
    events: inOrder(seen.events.get(one)),
  }
}

/** `late-one` is not of `late`. */
function isOf(name: string, one: WorkedCase): boolean {
  if (name === one.name || name.startsWith(`${one.name}@`)) return true
  return ['events', 'control', 'topic', 'two'].some((part) =>
    name.startsWith(`${one.name}-${part}`),
  )
}
