import { expect, test } from 'vitest'
import { absorbTasks } from '../../../src/monitor/states/absorb-results.ts'
import type { ReconcilerOptions } from '../../../src/monitor/states/reconciler.ts'
import {
  apiLook,
  heard,
  PYTHON,
  passes,
  process,
  published,
  queueWith,
  received,
  reconcilerOf,
  started,
  told,
  watched,
} from './fleet.ts'
import { migrated, recordTask, storeResult } from './recorded.ts'

test('a task that was published, and that no worker received from its empty queue, is lost', async () => {
  const database = await migrated()
  await published(database, 'vanished')
  await published(database, 'scheduled', { eta: new Date(Date.now() + 60_000) })
  await published(database, 'fresh', { published_at: new Date(Date.now() + 60_000) })
  await published(database, 'begun')
  await process(database, 'w1@host')
  await watched(database)
  await storeResult(database, { taskId: 'begun', status: 'STARTED' })
  await received(database, 'received', 'w1@host')
  const reconciler = reconcilerOf(database)
  const lost = await passes(reconciler)
  expect(lost).toEqual([
    {
      taskId: 'vanished',
      name: 'export.pdf',
      queue: 'export',
      kind: 'never-received',
      action: 'mark',
      reason: expect.stringMatching(
        /^published to export, which has been empty for \d s; all its workers report what they/,
      ),
      evidence: expect.objectContaining({ consumers: 1, unacknowledged: null }),
    },
  ])
  const dueForS = Number(lost[0]?.evidence.due_for_s)
  expect([dueForS >= 600, dueForS < 630]).toEqual([true, true]) // however long the test takes
  expect(await told(database, 'vanished')).toMatchObject({
    status: 'LOST',
    state: 'LOST',
    state_at: null,
    reason: expect.stringMatching(/and none has received it$/),
    lost: { kind: 'never-received', action: 'mark', was: 'PENDING', found_at: expect.any(String) },
  })
  expect(await passes(reconciler)).toEqual([])
})

test('where a worker sends no events, what it may have taken is in doubt, and never lost', async () => {
  const database = await migrated()
  await process(database, 'silent@host', { told: 'null', processed: 3 })
  await watched(database)
  await published(database, 'in hand')
  await published(database, 'leaves no result', { options: { ignore_result: true } })
  expect(await passes(reconcilerOf(database))).toEqual([])
  for (const id of ['in hand', 'leaves no result'])
    expect(await told(database, id)).toMatchObject({
      status: 'UNHEARD',
      state: 'UNHEARD',
      reason: 'published to export; its worker sends no events',
      lost: null,
    })
  await storeResult(database, { taskId: 'in hand', status: 'SUCCESS', json: '1' })
  expect(await told(database, 'in hand')).toMatchObject({ status: 'SUCCESS', reason: null })
  await absorbTasks(database, ['in hand'])
  expect(await told(database, 'in hand')).toMatchObject({ state: 'SUCCESS' })
})

test('a dead worker that reported its tasks does not speak for a silent one with another name', async () => {
  const database = await migrated()
  await process(database, 'dead@host', { heard: "now() - interval '1 hour'" })
  await watched(database)
  await published(database, 'held by a pod')
  expect(await passes(reconcilerOf(database))).toEqual([])
  expect(await told(database, 'held by a pod')).toMatchObject({ status: 'UNHEARD' })
})

test('a worker that was silent may have what was published before it went', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await process(database, 'old@host', {
    told: 'null',
    processed: 1,
    heard: "now() - interval '300 seconds'",
    offline: "now() - interval '300 seconds'",
  })
  await watched(database)
  await published(database, 'before')
  await published(database, 'after', { published_at: new Date(Date.now() - 200_000) })
  expect(await passes(reconcilerOf(database))).toMatchObject([{ taskId: 'after' }])
  expect(await told(database, 'before')).toMatchObject({ status: 'UNHEARD' })
})

test('a task that a living worker says it has is not lost, though its queue is empty', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'in hand')
  await published(database, 'nowhere')
  const asked: (readonly string[])[] = []
  const callRoll = async (ids: readonly string[]) => {
    asked.push(ids)
    return { answered: new Set(['w1@host']), holders: new Map([['in hand', 'w1@host']]) }
  }
  expect(await passes(reconcilerOf(database, { callRoll }))).toMatchObject([
    { taskId: 'nowhere', evidence: { answered: ['w1@host'] } },
  ])
  expect(asked.at(-1)).toContain('in hand')
  expect(await told(database, 'in hand')).toMatchObject({ status: 'UNHEARD' })
})

test('while workers have messages of the queue unacknowledged, none of it is lost', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'task')
  let unacknowledged = 1
  const lookAtApi = async () => apiLook({ unacknowledged: () => unacknowledged })
  const reconciler = reconcilerOf(database, { lookAtApi })
  expect(await passes(reconciler)).toEqual([])
  unacknowledged = 0
  expect(await passes(reconciler)).toMatchObject([
    { taskId: 'task', evidence: { unacknowledged: 0 } },
  ])
})

test('messages that are back in a queue without consumers are waiting again', async () => {
  const database = await migrated()
  await published(database, 'task')
  let messages = 0
  const reconciler = reconcilerOf(database, {
    broker: queueWith(() => ({ messages, consumers: 0 })),
  })
  await passes(reconciler)
  expect(await told(database, 'task')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(
      /^published to export; the queue is empty and has no consumer now/,
    ),
  })
  messages = 1
  await passes(reconciler)
  expect(await told(database, 'task')).toMatchObject({ status: 'PENDING', state: 'PENDING' })
})

test('the published body of a chord shows that its celery.chord_unlock is done', async () => {
  const database = await migrated()
  await published(database, 'unlock', {
    name: 'celery.chord_unlock',
    args: ['group', { task: 'export.total', options: { task_id: 'body' } }],
    state: 'RETRY',
  })
  await published(database, 'body', { options: {} })
  await passes(reconcilerOf(database, { broker: queueWith(() => ({ messages: 1, consumers: 1 })) }))
  expect(await told(database, 'unlock')).toMatchObject({ status: 'SUCCESS', reason: null })
})

test('no task is called lost while a queue holds messages, or the record is behind', async () => {
  const database = await migrated()
  await published(database, 'waiting')
  await process(database, 'w1@host')
  await watched(database)
  const behind = { depth: async () => ({ messages: 5000, consumers: 1 }) }
  const unread = { depth: async () => ({ messages: 0, consumers: 0 }) }
  const waiting = {
    depth: async (queue: string) => ({ messages: queue === 'export' ? 1 : 0, consumers: 1 }),
  }
  for (const broker of [behind, unread, waiting])
    expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
})

/** Its heartbeats have been the only ones since. */
const RESTARTED = { restarted: "now() - interval '10 seconds'" }

test('what a worker that is gone had in hand is lost, until another takes it', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds' })
  await heard(database, { hostname: 'offline@host', ago: '1 second', offline: 'now()' })
  await heard(database, { hostname: 'restarted@host', ago: '1 second', ...RESTARTED })
  await heard(database, { hostname: 'alive@host', ago: '1 second' })
  for (const name of ['dead', 'offline', 'restarted', 'alive'])
    await started(database, `on ${name}`, `${name}@host`)
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
  expect(lost[0]?.evidence).toMatchObject({ worker: 'dead@host', pid: 1, connection: 'closed' })
  expect(await told(database, 'on dead')).toMatchObject({
    status: 'LOST',
    reason: expect.stringMatching(
      /^worker dead@host was heard of last at .*, and is not connected, and nothing was heard/,
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

test('a task of a Python worker that announced its stop is in doubt while the worker may finish it', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'old@host', ago: '1 second', offline: 'now()', ...PYTHON })
  await started(database, 'running', 'old@host')
  const replay = () => Promise.reject(new Error('replayed'))
  const options = { policies: { '*': 'replay' as const }, replay }
  expect(await passes(reconcilerOf(database, options))).toEqual([])
  expect(await told(database, 'running')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/^worker old@host announced its stop at .*; it may be finishing/),
  })
  const late = "now() - interval '40 seconds'"
  await database.query(`update monitor.worker_process set heard_at = ${late}`)
  expect(await passes(reconcilerOf(database, { stopDeadlineMs: 60_000 }))).toEqual([])
  expect(await passes(reconcilerOf(database, { stopDeadlineMs: 30_000 }))).toMatchObject([
    { taskId: 'running', evidence: { worker_is: 'offline', stop_deadline_s: 30 } },
  ])
  expect(await told(database, 'running')).toMatchObject({
    status: 'LOST',
    reason: expect.stringMatching(/has ended by the deadline of 30 s, and nothing was heard/),
    lost: { was: 'STARTED' },
  })
})

test('a worker that announced its stop as it lost the broker, and is online again, has its tasks as before', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'back@host', ago: '1 second', offline: 'now()', ...PYTHON })
  await started(database, 'running', 'back@host')
  const state_at = new Date(Date.now() - 300_000)
  await published(database, 'in hand', { state: 'RECEIVED', state_at, worker: 'back@host' })
  await database.query(`update monitor.worker_process set heard_at = now() - interval '6 seconds'`)
  const broker = queueWith(() => ({ messages: 1, consumers: 1 }))
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  for (const id of ['running', 'in hand'])
    expect(await told(database, id)).toMatchObject({ status: 'UNHEARD' })
  await database.query(
    `update monitor.worker_process set online_at = now() + interval '1 second', last_heartbeat_at = now() + interval '1 second', heard_at = now()`,
  )
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'running')).toMatchObject({ status: 'STARTED', state: 'STARTED' })
  expect(await told(database, 'in hand')).toMatchObject({ status: 'RECEIVED', state: 'RECEIVED' })
})

test('the closed connection of a worker that announced its stop proves that it has ended', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'old@host', ago: '1 second', ...PYTHON })
  await started(database, 'running', 'old@host')
  let isOpen = true
  const lookAtApi = async () =>
    apiLook({
      connectionOf: (queue) => (queue === 'old@host.celery.pidbox' ? '127.0.0.1:1 at 5' : null),
      isOpen: () => isOpen,
    })
  const reconciler = reconcilerOf(database, { lookAtApi })
  expect(await passes(reconciler)).toEqual([])
  await database.query('update monitor.worker_process set offline_at = now(), heard_at = now()')
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'running')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/its connection is open, so it may be finishing the task$/),
  })
  isOpen = false
  expect(await passes(reconciler)).toEqual([])
  await database.query(`update monitor.worker_process set closed_at = now() - interval '6 seconds'`)
  expect(await passes(reconciler)).toMatchObject([
    { taskId: 'running', evidence: { worker_is: 'offline', connection: 'closed' } },
  ])
})

test('a worker that sends no heartbeats, but is connected, is not taken for gone', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'busy@host', ago: '95 seconds' })
  await started(database, 'long', 'busy@host')
  const broker = queueWith((queue) => ({
    messages: 0,
    consumers: queue === 'busy@host.celery.pidbox' ? 1 : 0,
  }))
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'long')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/^worker busy@host sends no heartbeats since/),
  })
  await database.query(
    'update monitor.worker_process set last_heartbeat_at = now(), heard_at = now()',
  )
  expect(await passes(reconcilerOf(database, { broker }))).toEqual([])
  expect(await told(database, 'long')).toMatchObject({ state: 'STARTED' })
})

test('a task that raised Ignore is no loss, whatever becomes of its worker', async () => {
  const database = await migrated()
  await heard(database, {
    hostname: 'idle@host',
    ago: '95 seconds',
    idle: "now() - interval '95 seconds'",
  })
  await started(database, 'ignored', 'idle@host')
  await heard(database, { hostname: 'busy@host', ago: '1 second', ...PYTHON })
  await started(database, 'ignored too', 'busy@host')
  const callRoll = async () => ({ answered: new Set(['busy@host']), holders: new Map() })
  expect(await passes(reconcilerOf(database, { callRoll }))).toEqual([])
  for (const id of ['ignored', 'ignored too'])
    expect(await told(database, id)).toMatchObject({
      status: 'UNHEARD',
      reason: expect.stringMatching(
        /has ended it and sent no outcome, as of a task that raises Ignore/,
      ),
    })
  await database.query(`update monitor.worker_process set heard_at = now() - interval '95 seconds'`)
  expect(await passes(reconcilerOf(database))).toEqual([])
})

test('what is acknowledged late, and is with another worker by now, is not lost', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds' })
  await started(database, 'late', 'dead@host')
  const callRoll = async () => ({
    answered: new Set(['silent@host']),
    holders: new Map([['late', 'silent@host']]),
  })
  expect(await passes(reconcilerOf(database, { callRoll }))).toEqual([])
  expect(await told(database, 'late')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/worker silent@host has the task now, and sends no events$/),
  })
})

test('what is set for a task is done once, however many monitors look', async () => {
  const database = await migrated()
  await process(database, 'w1@host')
  await watched(database)
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
  await process(database, 'w1@host')
  await watched(database)
  await published(database, 'kills its worker', { replay_of: 'first' })
  const replay = () => Promise.reject(new Error('replayed'))
  const reconciler = reconcilerOf(database, { policies: { '*': 'replay' }, replay })
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'kills its worker', action: 'mark' }])
})

test('what is acknowledged late is not replayed while its queue may have it again', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds', late: 'export.pdf' })
  await started(database, 'late acked', 'dead@host')
  await process(database, 'w2@host')
  await watched(database)
  let messages = 1
  const replays: string[] = []
  const reconciler = reconcilerOf(database, {
    broker: {
      depth: async (queue) => ({
        messages: queue === 'export' ? messages : 0,
        consumers: queue.endsWith('.pidbox') ? 0 : 1,
      }),
    },
    policies: { '*': 'replay' },
    replay: async (taskId) => {
      replays.push(taskId)
      return 'new'
    },
  })
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'late acked')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(
      /^worker dead@host was heard of last at .*, and is not connected; the task is acknowledged late, so the broker gives it back to queue export$/,
    ),
    lost: null,
  })
  messages = 0
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'late acked', newId: 'new' }])
  expect(replays).toEqual(['late acked'])
})

test('what was acknowledged early is replayed at once, though its queue is never empty', async () => {
  const database = await migrated()
  await heard(database, { hostname: 'dead@host', ago: '95 seconds', late: 'mail.send' })
  await started(database, 'early acked', 'dead@host')
  const broker = queueWith((queue) => ({
    messages: queue === 'export' ? 7 : 0,
    consumers: queue.endsWith('.pidbox') ? 0 : 1,
  }))
  const replay = async () => 'new'
  const reconciler = reconcilerOf(database, { broker, policies: { '*': 'replay' }, replay })
  expect(await passes(reconciler)).toMatchObject([
    { taskId: 'early acked', newId: 'new', evidence: { acknowledged: 'when it started' } },
  ])
})

test.each([
  ['of a worker that did not say how it acknowledges', null, 'export.pdf'],
  ['by a name that its worker does not know, a shadow', 'mail.send', 'night.export'],
] as const)('what runs %s is not lost while the broker may have it', async (_, late, name) => {
  const database = await migrated()
  const offline = "now() - interval '40 seconds'"
  await heard(database, { hostname: 'old@host', ago: '40 seconds', offline, late, ...PYTHON })
  await started(database, 'unknown', 'old@host')
  await database.query('update monitor.task set name = $1', [name])
  let messages = 1
  const reconciler = reconcilerOf(database, {
    broker: queueWith(() => ({ messages, consumers: 1 })),
    stopDeadlineMs: 30_000,
  })
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'unknown')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(
      /has ended by the deadline of 30 s; nothing shows whether the task had been acknowledged, so/,
    ),
  })
  messages = 0
  expect(await passes(reconciler)).toEqual([])
  expect(await told(database, 'unknown')).toMatchObject({
    status: 'UNHEARD',
    reason: 'worker old@host ended, and gave it back to export; its worker sends no events',
  })
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
      depth: async (queue) => ({
        messages: queue === 'export' ? messages : 0,
        consumers: queue.endsWith('.pidbox') ? 0 : 1,
      }),
    },
  })
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'begun', kind: 'worker-gone' }])
  messages = 0
  await process(database, 'w2@host')
  await watched(database)
  expect(await passes(reconciler)).toMatchObject([{ taskId: 'held', kind: 'worker-gone' }])
})

test('what waits in the vault is not missed, whichever worker had it before', async () => {
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
