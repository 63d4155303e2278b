import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { absorbTasks } from '../../../src/monitor/states/absorb-results.ts'
import {
  type ReconciledLoss,
  Reconciler,
  type ReconcilerOptions,
} from '../../../src/monitor/states/reconciler.ts'
import { migrated, recordTask, storeResult } from './recorded.ts'

const LONG_AGO = "now() - interval '10 minutes'"

test('a task that was published, and that nobody received from its empty queue, is lost', async () => {
  const database = await migrated()
  await published(database, 'vanished')
  await published(database, 'scheduled', { eta: new Date(Date.now() + 60_000) })
  await published(database, 'fresh', { published_at: new Date(Date.now() + 1000) })
  await published(database, 'begun')
  await storeResult(database, { taskId: 'begun', status: 'STARTED' })
  await received(database, 'received', 'w1@host')
  const reconciler = reconcilerOf(database)
  expect(await passes(reconciler)).toEqual([
    {
      taskId: 'vanished',
      name: 'export.pdf',
      queue: 'export',
      kind: 'never-received',
      action: 'mark',
      reason: expect.stringMatching(
        /published to queue export, which has been empty for \d s, and no worker/,
      ),
      evidence: expect.objectContaining({ due_for_s: 600, consumers: 1, workers_that_tell: 1 }),
    },
  ])
  expect(await told(database, 'vanished')).toMatchObject({
    status: 'LOST',
    state: 'LOST',
    state_at: null,
    reason: expect.stringMatching(/no worker has received it/),
    lost: { kind: 'never-received', action: 'mark', was: 'PENDING', found_at: expect.any(String) },
  })
  expect(await passes(reconciler)).toEqual([])
})

test('where workers do not tell what they receive, nobody is accused before long', async () => {
  const database = await migrated()
  await published(database, 'in hand')
  expect(await passes(reconcilerOf(database))).toEqual([])
  expect(await passes(reconcilerOf(database, { silentMs: 5 }))).toMatchObject([
    { taskId: 'in hand' },
  ])
})

test('what leaves no result is missed only where workers told what they receive when it was published', async () => {
  const database = await migrated()
  const options = { ignore_result: true }
  await published(database, 'before', { options })
  await published(database, 'after', { options, published_at: new Date(Date.now() - 200_000) })
  const reconciler = reconcilerOf(database, { silentMs: 5 })
  expect(await passes(reconciler)).toEqual([])
  await received(database, 'received', 'w1@host')
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'after', kind: 'never-received' }])
})

test('nobody is accused while a queue holds messages, or the record is behind', async () => {
  const database = await migrated()
  await published(database, 'waiting')
  await received(database, 'received', 'w1@host')
  const behind = { depth: async () => ({ messages: 5000, consumers: 1 }) }
  const unread = { depth: async () => ({ messages: 0, consumers: 0 }) }
  const waiting = {
    depth: async (queue: string) => ({ messages: queue === 'export' ? 1 : 0, consumers: 1 }),
  }
  for (const broker of [behind, unread, waiting])
    expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
})

test('what a worker that is gone had in hand is lost, until another takes it', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds' })
  await heard(database, { hostname: 'offline@host', ago: '1 second', offline: 'now()' })
  await heard(database, { hostname: 'restarted@host', ago: '1 second', pid: 2, online: 'now()' })
  await heard(database, { hostname: 'alive@host', ago: '1 second' })
  for (const name of ['dead', 'offline', 'restarted', 'alive'])
    await started(database, `on ${name}`, `${name}@host`)
  await database.query(
    `insert into monitor.event (day, happened_at, type, hostname, task_id, fields, digest)
     values (current_date, ${LONG_AGO}, 'task-started', 'restarted@host', 'on restarted', '{"pid": 1}', 'x')`,
  )
  expect(await told(database, 'on dead')).toMatchObject({
    status: 'STARTED',
    reason: expect.stringMatching(/^worker dead@host stopped sending heartbeats 9[5-9] s ago$/),
  })
  const lost = await passes(reconcilerOf(database))
  expect(lost.map(({ taskId, evidence }) => [taskId, evidence.worker_is])).toEqual([
    ['on dead', 'silent'],
    ['on offline', 'offline'],
    ['on restarted', 'restarted'],
  ])
  expect(await told(database, 'on dead')).toMatchObject({
    status: 'LOST',
    reason: expect.stringMatching(
      /^worker dead@host was heard of last at .*, and nothing was heard/,
    ),
  })
  await storeResult(database, { taskId: 'on dead', status: 'SUCCESS', json: '1' })
  expect(await told(database, 'on dead')).toMatchObject({
    status: 'SUCCESS',
    result: 1,
    reason: expect.stringMatching(/^it had been taken for lost: worker dead@host/),
  })
  await absorbTasks(database, ['on dead'])
  expect(await told(database, 'on dead')).toMatchObject({ status: 'SUCCESS', state: 'SUCCESS' })
})

test('what is set for a task is done once, whoever looks', async () => {
  const database = await migrated()
  await received(database, 'received', 'w1@host')
  for (const name of ['left.alone', 'export.again', 'broken.again'])
    await published(database, name, { name })
  const replays: string[] = []
  const options: Partial<ReconcilerOptions> = {
    policies: { 'left.*': 'leave', '*.again': 'replay' },
    replay: async (taskId) => {
      replays.push(taskId)
      if (taskId === 'broken.again') throw new Error('no message is kept')
      return `new ${taskId}`
    },
  }
  const planned = await passes(reconcilerOf(database, { ...options, isDryRun: true }))
  expect(planned.map(({ taskId, action }) => [taskId, action])).toEqual([
    ['broken.again', 'replay'],
    ['export.again', 'replay'],
    ['left.alone', 'leave'],
  ])
  expect(replays).toEqual([])
  const many = await Promise.all([1, 2, 3].map(() => passes(reconcilerOf(database, options))))
  expect(many.flat()).toHaveLength(3)
  expect(new Set(replays)).toEqual(new Set(['broken.again', 'export.again']))
  expect(replays).toHaveLength(2)
  expect(await told(database, 'left.alone')).toMatchObject({
    status: 'PENDING',
    lost: { action: 'leave' },
  })
  expect(await told(database, 'export.again')).toMatchObject({
    status: 'LOST',
    lost: { action: 'replay', replayed_as: 'new export.again' },
  })
  expect(await told(database, 'broken.again')).toMatchObject({
    status: 'LOST',
    lost: { action: 'replay', problem: 'no message is kept' },
  })
})

test('what vanishes again after it was replayed is marked, and not replayed for ever', async () => {
  const database = await migrated()
  await received(database, 'received', 'w1@host')
  await published(database, 'kills its worker', { replay_of: 'first' })
  const replay = () => Promise.reject(new Error('replayed'))
  const reconciler = reconcilerOf(database, { policies: { '*': 'replay' }, replay })
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'kills its worker', action: 'mark' }])
})

test('what may be back in its queue is not replayed', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds' })
  await started(database, 'late acked', 'dead@host')
  let messages = 1
  const replays: string[] = []
  const reconciler = reconcilerOf(database, {
    broker: {
      depth: async (queue) => ({ messages: queue === 'export' ? messages : 0, consumers: 1 }),
    },
    policies: { '*': 'replay' },
    replay: async (taskId) => {
      replays.push(taskId)
      return 'new'
    },
  })
  expect(await passes(reconciler)).toEqual([])
  messages = 0
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'late acked', newId: 'new' }])
  expect(replays).toEqual(['late acked'])
})

test('what a worker had not started goes back to its queue, and is missed once that is empty', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'gone@host', ago: '1 second', offline: 'now()' })
  const state_at = new Date(Date.now() - 300_000)
  await published(database, 'held', { state: 'RECEIVED', state_at, worker: 'gone@host' })
  await started(database, 'begun', 'gone@host')
  let messages = 1
  const reconciler = reconcilerOf(database, {
    broker: {
      depth: async (queue) => ({ messages: queue === 'export' ? messages : 0, consumers: 1 }),
    },
  })
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'begun', kind: 'worker-gone' }])
  messages = 0
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'held', kind: 'worker-gone' }])
})

test('what waits in the vault is not missed, whoever had it before', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'gone@host', ago: '1 second', offline: 'now()' })
  const state_at = new Date(Date.now() - 300_000)
  const eta = new Date(Date.now() + 3_600_000)
  await published(database, 'moved', { state: 'RECEIVED', state_at, worker: 'gone@host', eta })
  await published(database, 'refused')
  for (const id of ['moved', 'refused'])
    await database.query(
      `insert into monitor.scheduled (task_id, due_at, next_at, exchange, routing_key, properties, headers, body)
       values ($1, now(), now(), '', 'export', '{}', '{}', '')`,
      [id],
    )
  await received(database, 'received', 'w1@host')
  expect(await passes(reconcilerOf(database))).toEqual([])
  expect(await told(database, 'moved')).toMatchObject({
    status: 'SCHEDULED',
    reason: 'eta in 60 min; it waits in the vault',
  })
})

test('a success without a result is noted, and is a success still', async () => {
  const database = await migrated()
  const ended = { state: 'SUCCESS', state_at: new Date(Date.now() - 60_000), name: 'export.pdf' }
  await recordTask(database, { task_id: 'no result', options: {}, ...ended })
  await recordTask(database, { task_id: 'wants none', options: { ignore_result: true }, ...ended })
  await recordTask(database, { task_id: 'has one', options: {}, ...ended })
  await storeResult(database, { taskId: 'has one', status: 'SUCCESS' })
  expect(await passes(reconcilerOf(database, { expectsResults: false }))).toEqual([])
  expect(await passes(reconcilerOf(database))).toMatchObject([
    { taskId: 'no result', kind: 'no-result', action: 'leave' },
  ])
  expect(await told(database, 'no result')).toMatchObject({
    status: 'SUCCESS',
    reason: expect.stringMatching(/the result backend holds no result/),
  })
})

function reconcilerOf(database: Database, options: Partial<ReconcilerOptions> = {}): Reconciler {
  return new Reconciler({
    database,
    broker: { depth: async () => ({ messages: 0, consumers: 1 }) },
    config: { platformQueue: 'platform.fifo' },
    graceMs: 5,
    ...options,
  })
}

/** Two looks: what was seen empty, and the record up to date, has been so for a while at the second. */
async function passes(reconciler: Reconciler): Promise<readonly ReconciledLoss[]> {
  const first = await reconciler.pass()
  const startedMs = Date.now()
  while (Date.now() - startedMs < 10) await new Promise((wake) => setImmediate(wake))
  return [...first, ...(await reconciler.pass())]
}

async function published(
  database: Database,
  task_id: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const published_at = new Date(Date.now() - 600_000)
  await recordTask(database, {
    task_id,
    name: 'export.pdf',
    queue: 'export',
    published_at,
    ...more,
  })
}

async function received(database: Database, taskId: string, worker: string): Promise<void> {
  const at = new Date(Date.now() - 300_000)
  const run = { state: 'SUCCESS', state_at: at, received_at: at, worker, result: 1 }
  await published(database, taskId, run)
}

async function started(database: Database, taskId: string, worker: string): Promise<void> {
  const at = new Date(Date.now() - 300_000)
  await published(database, taskId, { state: 'STARTED', state_at: at, started_at: at, worker })
}

async function heard(
  database: Database,
  worker: { hostname: string; ago: string; offline?: string; online?: string; pid?: number },
): Promise<void> {
  await database.query(
    `insert into monitor.worker (hostname, pid, last_heartbeat_at, updated_at, online_at, offline_at, heartbeat_every_s)
     values ($1, $2, now() - $3::interval, now() - $3::interval, ${worker.online ?? "now() - interval '1 hour'"},
       ${worker.offline ?? 'null'}, 2)`,
    [worker.hostname, worker.pid ?? 1, worker.ago],
  )
}

async function told(database: Database, taskId: string): Promise<Record<string, unknown>> {
  const [row] = await database.query<Record<string, unknown>>(
    'select * from monitor.task_history where task_id = $1',
    [taskId],
  )
  return row ?? {}
}
