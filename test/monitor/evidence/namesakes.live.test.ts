import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { noteCensus } from '../../../src/monitor/evidence/census.ts'
import type { ReconcilerOptions } from '../../../src/monitor/states/reconciler.ts'
import { writeBatch } from '../../../src/monitor/write-batch.ts'
import { eventsMessage, tell } from '../events/tellings.ts'
import { passes, published, reconcilerOf, told } from '../states/fleet.ts'
import { migrated } from '../states/recorded.ts'

/** The name that each pod of a deployment is given; in a container the process id is 1. */
const NAME = 'w@export'
const FIRST_S = Date.now() / 1000 - 60

test('a task of a container is lost once the next one, of the same name and process id, has sent heartbeats alone', async () => {
  const database = await migrated()
  await pays(database)
  await reports(database, 'worker-online', 10, IDLE)
  await asked(database)
  expect(await passes(anyReconciler(database))).toEqual([])
  expect(await told(database, 'paid')).toMatchObject({ status: 'STARTED' })
  for (const at of [12, 14, 16]) await reports(database, 'worker-heartbeat', at, IDLE)
  expect(await passes(anyReconciler(database))).toMatchObject([
    { taskId: 'paid', kind: 'worker-gone', evidence: { worker_is: 'restarted' } },
  ])
})

test.each([
  ['one after the other', 1],
  ['in one batch', 20],
])(
  'of two containers of one name at the same time neither stands for the other: heartbeats %s',
  async (_, size) => {
    const database = await migrated()
    await pays(database)
    await reports(database, 'worker-online', 10, IDLE)
    const beats = [11, 12, 13, 14, 15, 16, 17, 18].map((at) =>
      event('worker-heartbeat', at, at % 2 === 1 ? BUSY : IDLE),
    )
    for (let at = 0; at < beats.length; at += size)
      await writeBatch(database, [await tell(eventsMessage(beats.slice(at, at + size)))])
    await asked(database)
    expect(await passes(anyReconciler(database))).toEqual([])
    expect(await told(database, 'paid')).toMatchObject({ status: 'STARTED' })
  },
)

test.each([
  ['is in doubt', null, 'UNHEARD', /^worker w@export announced its stop at .*may be finishing/],
  ['is lost after the deadline of its stop', 5000, 'LOST', /^worker w@export was started again/],
])(
  'a task of a container that had announced its stop before the next one came %s',
  async (_, stopDeadlineMs, status, reason) => {
    const database = await migrated()
    await pays(database)
    await reports(database, 'worker-offline', 8, BUSY)
    await reports(database, 'worker-online', 10, IDLE)
    for (const at of [12, 14, 16]) await reports(database, 'worker-heartbeat', at, IDLE)
    await asked(database)
    await passes(anyReconciler(database, { stopDeadlineMs }))
    await passes(anyReconciler(database, { stopDeadlineMs }))
    expect(await told(database, 'paid')).toMatchObject({
      status,
      reason: expect.stringMatching(reason),
    })
  },
)

test('of a container that ran nothing any more when the next one came, no task is lost', async () => {
  const database = await migrated()
  await pays(database)
  await reports(database, 'worker-heartbeat', 8, { processed: 1, active: 0 })
  await reports(database, 'worker-online', 10, IDLE)
  for (const at of [12, 14, 16]) await reports(database, 'worker-heartbeat', at, IDLE)
  await asked(database)
  expect(await passes(anyReconciler(database))).toEqual([])
  expect(await told(database, 'paid')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(/the task ended and sent no outcome, as one that raises Ignore$/),
  })
})

test('the answer of a worker says nothing of a task that another of the same name has', async () => {
  const database = await migrated()
  await pays(database)
  await reports(database, 'worker-online', 10, { ...IDLE, pid: 2 })
  await reports(database, 'worker-heartbeat', 12, { ...IDLE, pid: 2 })
  expect(await passes(anyReconciler(database))).toEqual([])
  expect(await told(database, 'paid')).toMatchObject({ status: 'STARTED' })
})

test('of workers that share name and process id, tasks are in doubt once none is heard of', async () => {
  const database = await migrated()
  await pays(database)
  await reports(database, 'worker-online', 10, IDLE)
  for (const [at, counts] of [BUSY, IDLE].entries())
    await reports(database, 'worker-heartbeat', 11 + at, counts)
  await asked(database)
  await database.query(`update monitor.worker_process set heard_at = now() - interval '95 seconds'`)
  expect(await passes(anyReconciler(database))).toEqual([])
  expect(await told(database, 'paid')).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringMatching(
      /^worker w@export sends no heartbeats since .*others have its name/,
    ),
  })
})

const BUSY = { processed: 1, active: 1 }
const IDLE = { processed: 0, active: 0 }

/** The first worker runs a task. */
async function pays(database: Database): Promise<void> {
  await published(database, 'paid')
  await reports(database, 'worker-online', 0, IDLE)
  await reports(database, 'task-received', 4, { uuid: 'paid', name: 'export.pdf' })
  await reports(database, 'task-started', 5, { uuid: 'paid' })
  await reports(database, 'worker-heartbeat', 6, BUSY)
}

function event(type: string, at: number, fields: Readonly<Record<string, unknown>>) {
  const timestamp = FIRST_S + at
  return { type, hostname: NAME, pid: 1, freq: 2, sw_ident: 'py-celery', timestamp, ...fields }
}

async function reports(database: Database, ...said: Parameters<typeof event>): Promise<void> {
  await writeBatch(database, [await tell(eventsMessage([event(...said)]))])
}

async function asked(database: Database): Promise<void> {
  const acknowledges = { 'export.pdf': 'early' as const }
  const answer = { hostname: NAME, queues: ['export'], pool: 'prefork', acknowledges }
  await noteCensus(database, [answer], 15)
}

/** Only one of the workers of that name hears the question: the other one. */
function anyReconciler(database: Database, options: Partial<ReconcilerOptions> = {}) {
  return reconcilerOf(database, {
    ...options,
    callRoll: async () => ({ answered: new Set([NAME]), holders: new Map() }),
  })
}
