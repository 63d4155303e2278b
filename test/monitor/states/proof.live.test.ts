import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { noteCensus } from '../../../src/monitor/evidence/census.ts'
import { absorbTasks } from '../../../src/monitor/states/absorb-results.ts'
import {
  apiLook,
  heard,
  PYTHON,
  passes,
  process,
  published,
  queueWith,
  reconcilerOf,
  started,
  told,
  watched,
} from './fleet.ts'
import { migrated, storeResult } from './recorded.ts'

test('each of thousands of tasks is asked for before it is taken for lost', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
  await database.query(
    `insert into monitor.task (task_id, name, queue, published_at)
     select 'task ' || i, 'export.pdf', 'export', now() - interval '10 minutes' from generate_series(1, 1500) i`,
  )
  const sizes: number[] = []
  const callRoll = async (ids: readonly string[]) => {
    sizes.push(ids.length)
    return { answered: new Set(['w1@host']), holders: new Map(ids.map((id) => [id, 'w1@host'])) }
  }
  expect(await passes(reconcilerOf(database, { callRoll }))).toEqual([])
  expect(Math.max(...sizes)).toBe(1000)
  expect(await count(database, `state = 'UNHEARD'`)).toBe(1500)
})

test('of more running tasks than one pass looks at the next passes look at the others', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'busy@host', ago: '1 second', ...PYTHON })
  await database.query(
    `insert into monitor.task (task_id, name, state, state_at, started_at, worker, published_at)
     select 'task ' || i, 'export.pdf', 'STARTED', now() - interval '1 minute', now() - interval '1 minute', 'busy@host',
       now() - interval '2 minutes' from generate_series(1, 600) i`,
  )
  const asked = new Set<string>()
  const callRoll = async (ids: readonly string[]) => {
    for (const id of ids) asked.add(id)
    return {
      answered: new Set(['busy@host']),
      holders: new Map(ids.map((id) => [id, 'busy@host'])),
    }
  }
  const reconciler = reconcilerOf(database, { callRoll })
  for (let pass = 0; asked.size < 600 && pass < 20; pass += 1) await passes(reconciler)
  expect(asked.size).toBe(600)
})

test('of a queue whose only consumer is unknown nothing is proven, though another worker is heard of', async () => {
  const database = await migrated()
  await process(database, 'mail@host', { queues: '{mail}' })
  await watched(database)
  await published(database, 'in silent hands')
  const reconciler = reconcilerOf(database)
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'in silent hands')).toMatchObject({ status: 'UNHEARD' })
  await published(database, 'published now', { published_at: new Date() })
  await process(database, 'w1@host')
  await passes(reconciler)
  await database.query(`update monitor.queue set covered_since = now() - interval '1 hour'`)
  expect(await passes(reconciler)).not.toEqual([])
})

test('RabbitMQ deletes events of Python workers when it restarts: what was published before is in doubt, and not lost', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'w1@host', ago: '1 second', queues: '{export}', ...PYTHON })
  await watched(database)
  await published(database, 'before the monitor')
  const broker = new EventEmitter()
  const reconciler = reconcilerOf(database, {
    broker: Object.assign(
      broker,
      queueWith(() => ({ messages: 0, consumers: 1 })),
    ),
  })
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'before the monitor')).toMatchObject({
    status: 'UNHEARD',
    reason:
      'published to export; RabbitMQ may have deleted the events of its worker when it restarted',
  })
  await published(database, 'recorded whole', { published_at: new Date() })
  await passes(reconciler)
  expect(await told(database, 'recorded whole')).toMatchObject({ status: 'LOST' })
  await published(database, 'before the restart', { published_at: new Date() })
  broker.emit('lost')
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'before the restart')).toMatchObject({ status: 'UNHEARD' })
})

test('while a worker that takes from the queue does not answer, it may have the task unread', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'task')
  let answered = new Set<string>()
  const callRoll = async () => ({ answered, holders: new Map() })
  const reconciler = reconcilerOf(database, { callRoll })
  expect(await passes(reconciler)).toEqual([])
  answered = new Set(['w1@host'])
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'task', kind: 'never-received' }])
})

test.each([
  [
    'has no remote control',
    { queues: null },
    /it never answered remote control, or others have its name/,
  ],
  [
    'runs one task at a time in its own process',
    { ...PYTHON, pool: 'solo' },
    /it runs with -P solo, which sends none/,
  ],
  [
    'is of Python and did not say how it runs tasks',
    { software: 'py-celery' },
    /it never answered remote control/,
  ],
])('a worker that is silent and %s is not taken for gone', async (_, worker, reason) => {
  const database = await migrated()
  await heard(database, { hostname: 'quiet@host', ago: '95 seconds', ...worker })
  await started(database, 'long', 'quiet@host')
  expect(await passes(reconcilerOf(database))).toEqual([])
  expect(await told(database, 'long')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(reason),
  })
})

test('the closed connection of a solo worker that announced its stop proves nothing: the broker closes it while a task runs', async () => {
  const database = await migrated()
  await heard(database, {
    hostname: 'solo@host',
    ago: '95 seconds',
    offline: "now() - interval '95 seconds'",
    ...PYTHON,
    pool: 'solo',
  })
  await database.query(
    `update monitor.worker_process set connection = 'c', closed_at = now() - interval '60 seconds'`,
  )
  await started(database, 'long', 'solo@host')
  const lookAtApi = async () => apiLook({ isOpen: () => false })
  expect(await passes(reconcilerOf(database, { lookAtApi }))).toEqual([])
  expect(await told(database, 'long')).toMatchObject({ status: 'UNHEARD' })
})

test('what a worker had received when it announced its stop is in doubt, and what waits in it for its eta is not', async () => {
  const database = await migrated()
  const offline = "now() - interval '40 seconds'"
  await heard(database, { hostname: 'old@host', ago: '40 seconds', offline, ...PYTHON })
  const in_hand = { state: 'RECEIVED', state_at: new Date(Date.now() - 50_000), worker: 'old@host' }
  await published(database, 'prefetched', in_hand)
  await published(database, 'due later', { ...in_hand, eta: new Date(Date.now() + 60_000) })
  const broker = queueWith(() => ({ messages: 1, consumers: 1 }))
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'prefetched')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(
      /^worker old@host announced its stop at .*; it goes back to its queue, or was run, and nothing shows whether the worker has ended$/,
    ),
  })
  expect(await told(database, 'due later')).toMatchObject({ status: 'SCHEDULED' })
})

test('while the management API does not answer, nothing is proven', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds' })
  await started(database, 'running', 'dead@host')
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'vanished')
  let isAway = true
  const lookAtApi = async () => {
    if (isAway) throw new Error('it answered 503')
    return apiLook({})
  }
  const reconciler = reconcilerOf(database, { lookAtApi })
  expect(await passes(reconciler)).toEqual([])
  isAway = false
  expect((await reconciler.pass()).map(({ taskId }) => taskId)).toEqual(['running', 'vanished'])
})

test('a connection that is seen open again is not closed', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'w1@host', ago: '1 second', ...PYTHON })
  let look = apiLook({ connectionOf: () => 'c' })
  const reconciler = reconcilerOf(database, { lookAtApi: async () => look })
  await reconciler.pass()
  look = apiLook({ isOpen: () => false })
  await reconciler.pass()
  expect(await database.query('select connection, closed_at from monitor.worker_process')).toEqual([
    { connection: 'c', closed_at: expect.any(Date) },
  ])
  look = apiLook({ connectionOf: () => 'c' })
  await reconciler.pass()
  expect(await database.query('select connection, closed_at from monitor.worker_process')).toEqual([
    { connection: 'c', closed_at: null },
  ])
})

test('a worker that never sent heartbeats is in doubt once it is not connected, and never taken for gone', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'quiet@host', ago: '95 seconds', ...PYTHON })
  await database.query('update monitor.worker_process set last_heartbeat_at = null')
  await started(database, 'running', 'quiet@host')
  let consumers = 1
  const broker = queueWith(() => ({ messages: 0, consumers }))
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'running')).toMatchObject({ status: 'STARTED' })
  consumers = 0
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'running')).toMatchObject({
    status: 'UNHEARD',
    reason: 'worker quiet@host sends no heartbeats, and is not connected',
  })
})

test('a worker that falls silent while it is asked may have the task unread', async () => {
  const database = await migrated()
  await process(database, 'busy@host')
  await watched(database)
  await published(database, 'task')
  const ago = "now() - interval '451 seconds'"
  const callRoll = async () => {
    await database.query(
      `update monitor.worker_process set heard_at = ${ago}, last_heartbeat_at = ${ago}`,
    )
    return { answered: new Set<string>(), holders: new Map() }
  }
  expect(await passes(reconcilerOf(database, { callRoll }))).toEqual([])
})

test('network waits hold no transaction open', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'task')
  const open: number[] = []
  const callRoll = async () => {
    const [row] = await database.query<{ open: number }>(
      `select count(*)::integer as open from pg_stat_activity
       where datname = current_database() and xact_start is not null and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
    open.push(row?.open ?? -1)
    return { answered: new Set(['w1@host']), holders: new Map() }
  }
  expect(await passes(reconcilerOf(database, { callRoll }))).toHaveLength(1)
  expect(open.length).toBeGreaterThan(0)
  expect(open.every((count) => count === 0)).toBe(true)
})

test('what a worker answers is noted of its living process, and of none where two have its name', async () => {
  const database = await migrated()
  await process(database, 'w1@host', { queues: '{old}' })
  await heard(database, { hostname: 'two@host', pid: 1, ago: '1 second', queues: null, late: null })
  await database.query(
    `insert into monitor.worker_process (hostname, pid, last_heartbeat_at, heartbeat_every_s) values ('two@host', 2, now(), 2)`,
  )
  const answers = ['w1@host', 'two@host', 'unknown@host'].map((hostname) => ({
    hostname,
    queues: ['export', 'mail'],
    pool: 'prefork',
    acknowledges: { 'export.pay_late': 'late' as const },
  }))
  await noteCensus(database, answers, 15)
  expect(
    await database.query(
      'select hostname, queues, pool, acknowledges from monitor.worker_process order by hostname, pid',
    ),
  ).toEqual([
    { hostname: 'two@host', queues: null, pool: null, acknowledges: null },
    { hostname: 'two@host', queues: null, pool: null, acknowledges: null },
    {
      hostname: 'w1@host',
      queues: ['export', 'mail'],
      pool: 'prefork',
      acknowledges: { 'export.pay_late': 'late' },
    },
  ])
})

test.each(['RETRY', 'STARTED'])(
  'a doubt stands though the backend holds the state before it, %s',
  async (status) => {
    const database = await migrated()
    await heard(database, {
      hostname: 'cold@host',
      ago: '95 seconds',
      offline: "now() - interval '95 seconds'",
      ...PYTHON,
    })
    await published(database, 'cut off', { worker: 'cold@host' })
    await storeResult(database, {
      taskId: 'cut off',
      status,
      done: "now() - interval '90 seconds'",
    })
    await absorbTasks(database, ['cut off'])
    await database.query(`update monitor.task set updated_at = now() - interval '1 minute'`)
    expect(await passes(reconcilerOf(database))).toEqual([])
    await absorbTasks(database, ['cut off'])
    expect(await told(database, 'cut off')).toMatchObject({ status: 'UNHEARD', state: 'UNHEARD' })
    await storeResult(database, { taskId: 'cut off', status: 'SUCCESS', json: '1' })
    await absorbTasks(database, ['cut off'])
    expect(await told(database, 'cut off')).toMatchObject({ status: 'SUCCESS', state: 'SUCCESS' })
  },
)

async function count(database: Database, condition: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `select count(*)::integer as count from monitor.task where ${condition}`,
  )
  return row?.count ?? 0
}
