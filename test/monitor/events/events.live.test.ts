import { expect, test } from 'vitest'
import { writePickle } from '../../../src/codecs/pickle/pickle-writer.ts'
import { eventQueueName } from '../../../src/monitor/events/event-topology.ts'
import type { TaskEntry } from '../../../src/monitor/mirror/task-entry.ts'
import { progressOrder } from '../../../src/monitor/tasks/task-order.ts'
import { writeBatch } from '../../../src/monitor/write-batch.ts'
import { EVENTS_HEADER } from '../../../src/protocol/events/events.ts'
import { durableExchange } from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'
import { config, message, readTask } from '../messages.ts'
import { openPlace, type Place, recorded, startMonitor } from '../monitored.ts'
import { migrated } from '../states/recorded.ts'
import { CELERYEV, eventsMessage, tell } from './tellings.ts'

const QUEUE = eventQueueName(config)
const NOW = Math.floor(Date.now() / 1000) - 60
const WORKER = { hostname: 'w1@host', pid: 7, freq: 2, active: 1, processed: 5, loadavg: [1, 2, 3] }
const ERROR = { exc_type: 'ValueError', exc_message: ['no good'], exc_module: 'builtins' }
const PLATFORM = { exchange: '', routingKey: config.platformQueue }

test('what is sent while no monitor runs waits for the next, and a task has its row before its message', async () => {
  const place = await openPlace()
  const first = await startMonitor(place)
  await first.stop()
  await place.publish(
    [eventsMessage([received('early'), event('task-started', 'early', 1)])],
    CELERYEV,
  )
  await waitFor('a waiting event', async () => (await place.broker.depth(QUEUE)).messages === 1)

  const monitor = await startMonitor(place)
  await recorded([monitor], 1)
  expect(await task(place, 'early')).toMatchObject({
    state: 'STARTED',
    name: 'export.add',
    worker: 'w1@host',
    args: null,
    options: { reported_by: 'task-received', argsrepr: '(1, 2)' },
    received_at: new Date(NOW * 1000),
    started_at: new Date((NOW + 1) * 1000),
    finished_at: null,
  })

  await place.publish([message({ id: 'early', args: [1, 2] })])
  await place.publish(
    [eventsMessage([event('task-succeeded', 'early', 3, { runtime: 2 })])],
    CELERYEV,
  )
  await recorded([monitor], 3)
  expect(await task(place, 'early')).toMatchObject({
    state: 'SUCCESS',
    args: [1, 2],
    queue: 'export',
    runtime_ms: 2000,
    finished_at: new Date((NOW + 3) * 1000),
  })
  expect(await place.database.query('select type from monitor.event order by happened_at')).toEqual(
    [{ type: 'task-received' }, { type: 'task-started' }, { type: 'task-succeeded' }],
  )
})

test('a worker’s row only moves forward, and heartbeats leave no other trace', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const tellings = [
    ['worker-heartbeat', 4, 9],
    ['worker-online', 0, 0],
    ['worker-heartbeat', 2, 5],
    ['worker-offline', 1, 1],
  ] as const
  for (const [type, after, active] of tellings) {
    await place.publish(
      [eventsMessage({ ...WORKER, type, active, timestamp: NOW + after })],
      CELERYEV,
    )
  }
  await recorded([monitor], 4)
  expect(await place.database.query('select * from monitor.worker')).toMatchObject([
    {
      hostname: 'w1@host',
      pid: 7,
      active: 9,
      processed: 5,
      load_average: [1, 2, 3],
      heartbeat_every_s: 2,
      online_at: new Date(NOW * 1000),
      last_heartbeat_at: new Date((NOW + 4) * 1000),
      offline_at: new Date((NOW + 1) * 1000),
    },
  ])
  expect(await place.database.query('select type from monitor.event order by happened_at')).toEqual(
    [{ type: 'worker-online' }, { type: 'worker-offline' }],
  )
})

test('a worker that came online again is no other process because its event comes late', async () => {
  const database = await migrated()
  const events = [
    { type: 'worker-online', processed: 5, timestamp: NOW },
    { type: 'worker-heartbeat', processed: 12, timestamp: NOW + 30 },
    { type: 'worker-online', processed: 10, timestamp: NOW + 20 },
  ]
  for (const event of events)
    await writeBatch(database, [await tell(eventsMessage([{ ...WORKER, ...event }]))])
  const rows = 'select processed, restarted_at from monitor.worker_process'
  expect(await database.query(rows)).toMatchObject([{ restarted_at: null }])
  const anew = { ...WORKER, type: 'worker-online', processed: 0, timestamp: NOW + 40 }
  await writeBatch(database, [await tell(eventsMessage([anew]))])
  expect(await database.query(rows)).toMatchObject([{ restarted_at: new Date((NOW + 40) * 1000) }])
})

test('outcomes that come with the copies read as if they had been stored', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place, {
    events: false,
    states: { absorb: false, reconcile: false },
  })
  const when = { $type: 'x', at: { __type__: 'datetime', __value__: '2031-01-02T03:04:05' } }
  const outcomes: [string, string, unknown][] = [
    ['good', 'SUCCESS', { n: 1, when }],
    ['empty', 'SUCCESS', null],
    ['bad', 'FAILURE', ERROR],
  ]
  for (const [id, status, result] of outcomes) {
    const type = status === 'SUCCESS' ? 'task-succeeded' : 'task-failed'
    const outcome = {
      status,
      result,
      traceback: status === 'SUCCESS' ? null : 'Traceback',
      date_done: null,
    }
    await place.publish([message({ id }), message({ id: `${id}-stored` })])
    await place.publish(
      [eventsMessage(event(type, id, 1, { outcome }), { [EVENTS_HEADER]: 1 })],
      PLATFORM,
    )
    const stored = Buffer.from(JSON.stringify(result))
    await place.database.query(STORE, [
      `${id}-stored`,
      status,
      result === null ? writePickle(null) : stored,
      outcome.traceback,
    ])
  }
  await recorded([monitor], 9)
  const rows = await place.database.query<{ id: string }>(
    `select task_id as id, status, result, exception, traceback from monitor.task_history`,
  )
  const byId = new Map(rows.map(({ id, ...row }) => [id, row]))
  for (const [id] of outcomes) expect(byId.get(id)).toEqual(byId.get(`${id}-stored`))
  expect(byId.get('bad')).toMatchObject({
    status: 'FAILURE',
    exception: 'ValueError: no good',
    traceback: 'Traceback',
  })
  expect(byId.get('empty')).toMatchObject({ status: 'SUCCESS', result: null })
  expect(
    await place.database.query(`select 1 from monitor.task where result = 'null'::jsonb`),
  ).toHaveLength(1)
  await expect(place.broker.depth(QUEUE)).rejects.toMatchObject({ code: 'QUEUE_MISSING' })
})

test('events that cannot be read, or that PostgreSQL refuses, are kept with the reason, and the rest recorded', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const long = Array.from({ length: 4000 }, (_, at) => at.toString(36)).join('-')
  await place.publish(
    [
      eventsMessage([event('task-started', 'fine', 1), { type: 'task-started' }]),
      eventsMessage(event('task-started', long, 1)),
      eventsMessage(event('task-started', 'fine too', 1)),
    ],
    CELERYEV,
  )
  await recorded([monitor], 3)
  const kept = await place.database.query(
    'select code, reason from monitor.quarantine order by code',
  )
  expect(kept).toMatchObject([
    { code: 'MESSAGE_INVALID', reason: expect.stringMatching(/^event 2 of 2: timestamp/) },
    { code: 'ROW_REFUSED', reason: expect.stringMatching(/index row/) },
  ])
  const tasks = await place.database.query(
    'select task_id, state from monitor.task order by task_id',
  )
  expect(tasks).toEqual([
    { task_id: 'fine', state: 'STARTED' },
    { task_id: 'fine too', state: 'STARTED' },
  ])
})

test('where the exchange of events belongs to another program, messages are recorded all the same', async () => {
  const place = await openPlace()
  await place.broker.declare({
    exchanges: [durableExchange('celeryev', 'direct')],
    queues: [],
    bindings: [],
  })
  const monitor = await startMonitor(place)
  await place.publish([message({ id: 'recorded' })])
  await recorded([monitor], 1)
  expect(monitor.stats().lastError).toMatch(/celeryev/)
})

test('the database and the monitor agree on which of two states goes further', async () => {
  const place = await openPlace()
  const states = [
    'PENDING',
    'RECEIVED',
    'STARTED',
    'PROGRESS',
    'RETRY',
    'LOST',
    'SUCCESS',
    'FAILURE',
    'REVOKED',
    'REJECTED',
    'IGNORED',
  ]
  const some = await readTask(message())
  const entries = states.flatMap((state) =>
    [null, 0, 5].map((stateAtMs): TaskEntry => ({ ...some, state, stateAtMs })),
  )
  const pairs = entries.flatMap((one) => entries.map((other) => ({ one, other })))
  const told = await place.database.query<{ further: boolean }>(FURTHER, [
    pairs.map(({ one }) => one.state),
    pairs.map(({ one }) => one.stateAtMs),
    pairs.map(({ other }) => other.state),
    pairs.map(({ other }) => other.stateAtMs),
  ])
  const mistaken = pairs.filter(({ one, other }, at) => {
    const order = progressOrder(one, other)
    // Where it cannot tell, it asks the database.
    return order !== 0 && order > 0 !== told[at]?.further
  })
  expect(told).toHaveLength(33 * 33)
  expect(mistaken).toEqual([])
})

const FURTHER = `
  select monitor.is_further(state, to_timestamp(at / 1000), known, to_timestamp(known_at / 1000)) as further
  from unnest($1::text[], $2::float8[], $3::text[], $4::float8[]) with ordinality as t (state, at, known, known_at, i)
  order by i`

const STORE = `
  insert into celery_taskmeta (id, task_id, status, result, traceback, date_done)
  values (nextval('task_id_sequence'), $1, $2, $3, $4, now() at time zone 'UTC')`

function event(type: string, uuid: string, after: number, fields: object = {}): object {
  return {
    type,
    uuid,
    hostname: 'w1@host',
    pid: 7,
    clock: after,
    timestamp: NOW + after,
    ...fields,
  }
}

function received(uuid: string): object {
  const call = {
    name: 'export.add',
    args: '(1, 2)',
    kwargs: '{}',
    root_id: uuid,
    parent_id: null,
    retries: 0,
  }
  return event('task-received', uuid, 0, call)
}

async function task({ database }: Place, id: string): Promise<unknown> {
  const [row] = await database.query('select * from monitor.task where task_id = $1', [id])
  return row
}
