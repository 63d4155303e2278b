import { expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { silentLogger } from '../../../src/logger.ts'
import { pruneHistory } from '../../../src/monitor/retention/prune-history.ts'
import { pruneTimer } from '../../../src/monitor/retention/prune-timer.ts'
import { sizeReport } from '../../../src/monitor/retention/size-report.ts'
import type { PruneProgress } from '../../../src/monitor/retention/types.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { waitFor } from '../../support/wait-for.ts'

const DAY = 86_400_000

test('what is over and old goes, failures later, unfinished tasks stay unless they are to go too', async () => {
  const database = await migrated()
  await addTasks(database, [
    { id: 'done-old', state: 'SUCCESS', days: 40 },
    { id: 'done-new', state: 'SUCCESS', days: 5 },
    { id: 'ended-late', state: 'SUCCESS', days: 40, endedDays: 2 },
    { id: 'failed', state: 'FAILURE', days: 40 },
    { id: 'failed-old', state: 'FAILURE', days: 100 },
    { id: 'lost', state: 'LOST', days: 40 },
    { id: 'pending', state: 'PENDING', days: 100 },
    { id: 'started', state: 'STARTED', days: 40 },
    { id: 'stored', state: 'PENDING', days: 40 },
    { id: 'told-of', state: 'SUCCESS', days: null, endedDays: 40 },
    { id: 'revoked', state: 'REVOKED', days: 40 },
  ])
  await addResult(database, 'stored', 'SUCCESS', 39)
  const keep = { tasksMs: 30 * DAY, failuresMs: 90 * DAY }
  const gone = ['done-old', 'failed-old', 'revoked', 'stored', 'told-of']
  expect(await pruneHistory(database, { ...keep, dryRun: true })).toMatchObject({
    tasks: 5,
    isDryRun: true,
  })
  expect(await idsIn(database)).toHaveLength(11)
  const steps: PruneProgress[] = []
  const onProgress = (progress: PruneProgress) => void steps.push(progress)
  expect(
    await pruneHistory(database, { ...keep, batchSize: 2, rest: 0, onProgress }),
  ).toMatchObject({ tasks: 5 })
  const left = await idsIn(database)
  expect(left).toEqual(['done-new', 'ended-late', 'failed', 'lost', 'pending', 'started'])
  expect(left.filter((id) => gone.includes(id))).toEqual([])
  expect(steps.at(-1)).toMatchObject({ step: 'tasks', deleted: 5 })
  expect(await pruneHistory(database, { ...keep, unfinishedMs: 30 * DAY })).toMatchObject({
    tasks: 2,
  })
  expect(await idsIn(database)).toEqual(['done-new', 'ended-late', 'failed', 'lost'])
})

test('old days of messages and events go as whole partitions; messages of failures and of unfinished tasks stay', async () => {
  const database = await migrated()
  await addPartitions(database, [10, 9, 8, 2])
  await addTasks(database, [
    { id: 'done', state: 'SUCCESS', days: 10 },
    { id: 'failed', state: 'FAILURE', days: 10 },
    { id: 'pending', state: 'PENDING', days: 10 },
  ])
  for (const days of [10, 8, 2]) await addMessage(database, 'done', days)
  for (const days of [10, 9]) await addMessage(database, 'failed', days)
  await addMessage(database, 'pending', 10)
  await addMessage(database, 'done', 300)
  const keep = { messagesMs: 7 * DAY, eventsMs: 7 * DAY }
  const pruned = await pruneHistory(database, keep)
  expect(pruned.messages).toEqual({ dropped: [day(8)], reduced: [day(10), day(9)], rows: 1 })
  expect(pruned.events.dropped).toEqual([day(10), day(9), day(8)])
  expect(await messagesIn(database)).toEqual([
    ['failed', day(10)],
    ['pending', day(10)],
    ['failed', day(9)],
    ['done', day(2)],
  ])
  // What stays can be written to, and is found by the partitions that are made ahead.
  await database.query("select monitor.ensure_partitions('message', 7)")
  await database.query("update monitor.task set state = 'SUCCESS', finished_at = now()")
  const again = await pruneHistory(database, keep)
  expect(again.messages).toEqual({ dropped: [day(10), day(9)], reduced: [], rows: 3 })
  expect(await messagesIn(database)).toEqual([['done', day(2)]])
  const left = await database.query(
    "select from pg_class where relname ~ '_(old|new)$' and relkind = 'r'",
  )
  expect(left).toEqual([])
})

test('pruning that was cut short goes on from where it was, and never twice at once', async () => {
  const database = await migrated()
  await addPartitions(database, [10])
  await database.query(
    `insert into monitor.task (task_id, state, published_at, finished_at)
     select 'task-' || i, 'SUCCESS', now() - interval '40 days', now() - interval '40 days' from generate_series(1, 500) i`,
  )
  await database.query('create table monitor.message_20200101_old ()')
  const stopping = new AbortController()
  const keep = { tasksMs: 30 * DAY, messagesMs: 7 * DAY, batchSize: 50, rest: 0 }
  let other: Promise<unknown> | undefined
  const cut = pruneHistory(database, {
    ...keep,
    signal: stopping.signal,
    onProgress: ({ deleted }) => {
      other ??= pruneHistory(database, keep)
      if (deleted >= 100) stopping.abort(new Error('cut short'))
    },
  })
  await expect(cut).rejects.toThrow('cut short')
  expect(await other).toMatchObject({ isBusy: true, tasks: 0 })
  expect((await idsIn(database)).length).toBe(400)
  const rest = await pruneHistory(database, keep)
  expect(rest).toMatchObject({ isBusy: false, tasks: 400, messages: { dropped: [day(10)] } })
})

test('a writer in the middle of a long transaction delays the drop of a day, and is not held up by it', async () => {
  const database = await migrated()
  await addPartitions(database, [10])
  let pruning: Promise<unknown> | undefined
  await database.transaction(async (connection) => {
    await addMessage(connection, 'slow', 0)
    pruning = pruneHistory(database, { messagesMs: 7 * DAY })
    await waitingFor(database)
    // Others go on writing while the drop waits, and after it has given up for now.
    const startedAt = performance.now()
    for (let at = 0; at < 5; at += 1) await addMessage(database, `fast-${at}`, 0)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })
  expect(await pruning).toMatchObject({ messages: { dropped: [day(10)] } })
  expect((await messagesIn(database)).length).toBe(6)
})

test('resolved messages leave the quarantine, the others stay', async () => {
  const database = await migrated()
  await database.query(
    `insert into monitor.quarantine (body, code, reason, resolved_at) values
       ('a', 'C', 'old', now() - interval '100 days'), ('b', 'C', 'new', now()), ('c', 'C', 'open', null)`,
  )
  expect(await pruneHistory(database, { quarantineMs: 90 * DAY, batchSize: 1 })).toMatchObject({
    quarantine: 1,
  })
  expect(await database.query('select reason from monitor.quarantine order by id')).toEqual([
    { reason: 'new' },
    { reason: 'open' },
  ])
})

test('bodies of messages that no queue has any more go, a hundred at a time', async () => {
  const database = await migrated()
  await addClaims(database, 150)
  expect(await pruneHistory(database, { dryRun: true })).toMatchObject({ claims: 150 })
  const steps: PruneProgress[] = []
  const onProgress = (progress: PruneProgress) => void steps.push(progress)
  expect(await pruneHistory(database, { rest: 0, onProgress })).toMatchObject({ claims: 150 })
  expect(steps.map(({ deleted }) => deleted)).toEqual([100, 150])
  expect(await claimsIn(database)).toEqual(['kept'])
})

test('when a body has expired is said by the clock of the database, not by that of the process', async () => {
  const database = await migrated()
  await addClaims(database, 1)
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * DAY })
  expect(await pruneHistory(database, { dryRun: true })).toMatchObject({ claims: 1 })
  expect(await pruneHistory(database, { rest: 0 })).toMatchObject({ claims: 1 })
  expect(await claimsIn(database)).toEqual(['kept'])
})

test('a monitor deletes such bodies by itself, where no RETENTION is set, too', async () => {
  const database = await migrated()
  await addClaims(database, 3)
  await addTasks(database, [{ id: 'done', state: 'SUCCESS', days: 1_000 }])
  const pruning = pruneTimer(database, {}, { logger: silentLogger, everyMs: 20 })
  onTestFinished(() => pruning.stop())
  await pruning.start()
  await waitFor('the bodies to go', async () => (await claimsIn(database)).length === 1)
  expect(await claimsIn(database)).toEqual(['kept'])
  expect(await idsIn(database)).toEqual(['done'])
})

test('what the ledger says of a replayed task goes once the task is gone, and stays as long as it is there', async () => {
  const database = await migrated()
  await addTasks(database, [
    { id: 'failed', state: 'FAILURE', days: 40 },
    { id: 'going', state: 'SUCCESS', days: 40 },
  ])
  await database.query(
    `insert into monitor.replay (task_id, turn, new_id, requested_at, published_at)
     select task_id, turn, task_id || turn, now() - interval '40 days', now() - days * interval '1 day'
     from (values ('failed', 1, 40), ('going', 1, 40), ('going', 2, 39), ('gone', 1, 40), ('gone', 2, 2)) as replays (task_id, turn, days)`,
  )
  const keep = { tasksMs: 30 * DAY, failuresMs: 90 * DAY, batchSize: 1, rest: 0 }
  expect(await pruneHistory(database, { ...keep, dryRun: true })).toMatchObject({ replays: 3 })
  const steps: PruneProgress[] = []
  const onProgress = (progress: PruneProgress) => void steps.push(progress)
  expect(await pruneHistory(database, { ...keep, onProgress })).toMatchObject({
    tasks: 1,
    replays: 3,
  })
  expect(await database.query('select new_id from monitor.replay order by new_id')).toEqual([
    { new_id: 'failed1' },
    { new_id: 'gone2' },
  ])
  expect(steps.at(-1)).toEqual({ step: 'replays', done: 5, total: 5, deleted: 3 })
  expect(await pruneHistory(database, { messagesMs: DAY })).toMatchObject({ replays: 0 })
})

test('workers that were not heard of for as long as tasks are kept go, unless they have a task in their hands', async () => {
  const database = await migrated()
  await database.query(
    `insert into monitor.worker (hostname, updated_at, last_heartbeat_at, offline_at)
     select hostname, now() - days * interval '1 day', now() - interval '40 days', offline_at
     from (values ('offline', 40, now() - interval '40 days'), ('silent', 40, null), ('holding', 40, null),
       ('done with it', 40, null), ('of late', 20, null), ('with a slow clock', 0, null)) as workers (hostname, days, offline_at)`,
  )
  await database.query(
    `insert into monitor.task (task_id, state, worker, published_at) values
       ('held', 'STARTED', 'holding', now()), ('over', 'SUCCESS', 'done with it', now()), ('lost', 'LOST', 'silent', now())`,
  )
  const gone = ['done with it', 'offline', 'silent']
  const dry = await pruneHistory(database, { tasksMs: 30 * DAY, eventsMs: 7 * DAY, dryRun: true })
  expect(dry.workers).toBe(gone.length)
  expect((await pruneHistory(database, { tasksMs: 30 * DAY, batchSize: 1, rest: 0 })).workers).toBe(
    gone.length,
  )
  const hostnames = async () =>
    (
      await database.query<{ hostname: string }>(
        'select hostname from monitor.worker order by hostname collate "C"',
      )
    ).map(({ hostname }) => hostname)
  expect(await hostnames()).toEqual(['holding', 'of late', 'with a slow clock'])
  expect((await pruneHistory(database, { eventsMs: 7 * DAY })).workers).toBe(1)
  expect(await hostnames()).toEqual(['holding', 'with a slow clock'])
})

test('the size report shows the rows and bytes of each table, of each day, and of each index', async () => {
  const database = await migrated()
  await addTasks(database, [{ id: 'one', state: 'SUCCESS', days: 0 }])
  await addMessage(database, 'one', 0)
  const sizes = await sizeReport(database)
  const task = sizes.find(({ table }) => table === 'monitor.task')
  expect(task).toMatchObject({ rows: 1, partitionOf: null })
  expect(task?.indexes.map(({ name }) => name)).toContain('task_pkey')
  expect(task?.totalBytes).toBeGreaterThanOrEqual((task?.indexBytes ?? 0) + 8192)
  const tables = sizes.map(({ table }) => table)
  expect(tables).toEqual(expect.arrayContaining(['monitor.replay', 'monitor.worker']))
  const messages = sizes.filter(({ partitionOf }) => partitionOf === 'monitor.message')
  expect(messages.find((one) => one.day === day(0))).toMatchObject({ rows: 1 })
  expect(sizes.find(({ table }) => table === 'monitor.message')).toMatchObject({
    rows: 1,
    totalBytes: messages.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
  })
})

async function migrated(): Promise<Database> {
  const url = await migratedDatabase()
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  return database
}

interface Given {
  readonly id: string
  readonly state: string
  readonly days: number | null
  readonly endedDays?: number
}

async function addTasks(database: Database, tasks: readonly Given[]): Promise<void> {
  for (const { id, state, days, endedDays = days } of tasks) {
    const isOver = !['PENDING', 'STARTED'].includes(state)
    await database.query(
      'insert into monitor.task (task_id, state, published_at, finished_at) values ($1, $2, $3, $4)',
      [id, state, ago(days), isOver ? ago(endedDays) : null],
    )
  }
}

async function addResult(
  database: Database,
  id: string,
  status: string,
  days: number,
): Promise<void> {
  await database.query(
    "insert into celery_taskmeta (id, task_id, status, date_done) values (nextval('task_id_sequence'), $1, $2, $3)",
    [id, status, ago(days)],
  )
}

async function addPartitions(database: Database, days: readonly number[]): Promise<void> {
  for (const parent of ['message', 'event']) {
    for (const one of days) {
      await database.query(
        `create table monitor.${parent}_${day(one).replaceAll('-', '')} partition of monitor.${parent}
         for values from ('${day(one)}') to (date '${day(one)}' + 1)`,
      )
    }
  }
}

async function addMessage(
  database: Pick<Database, 'query'>,
  taskId: string,
  days: number,
): Promise<void> {
  await database.query(
    `insert into monitor.message (day, task_id, exchange, routing_key, properties, headers, body, digest)
     values ($1::date, $2, '', '', '{}', '{}', 'x', decode(md5($2 || $3), 'hex'))`,
    [day(days), taskId, day(days)],
  )
}

/** So many that have expired, and one that has not. */
async function addClaims(database: Database, expired: number): Promise<void> {
  await database.query(
    `insert into monitor.claim (id, body, expires_at)
     select 'old-' || i, 'x'::bytea, now() - interval '1 second' from generate_series(1, $1::integer) i
     union all select 'kept', 'x'::bytea, now() + interval '1 day'`,
    [expired],
  )
}

async function claimsIn(database: Database): Promise<string[]> {
  const rows = await database.query<{ id: string }>('select id from monitor.claim order by id')
  return rows.map(({ id }) => id)
}

async function messagesIn(database: Database): Promise<[string, string][]> {
  const rows = await database.query<{ task_id: string; day: string }>(
    'select task_id, day from monitor.message order by day, task_id',
  )
  return rows.map(({ task_id, day: of }) => [task_id, of])
}

async function idsIn(database: Database): Promise<string[]> {
  const rows = await database.query<{ task_id: string }>(
    'select task_id from monitor.task order by task_id',
  )
  return rows.map(({ task_id }) => task_id)
}

async function waitingFor(database: Database): Promise<void> {
  for (;;) {
    const [row] = await database.query<{ waiting: number }>(
      "select count(*) as waiting from pg_locks where relation = 'monitor.message'::regclass and not granted",
    )
    if ((row?.waiting ?? 0) > 0) return
  }
}

function ago(days: number | null): Date | null {
  return days === null ? null : new Date(Date.now() - days * DAY)
}

function day(days: number): string {
  return new Date(Date.now() - days * DAY).toISOString().slice(0, 10)
}
