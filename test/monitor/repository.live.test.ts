import { DataSource, DefaultNamingStrategy, EntitySchema } from 'typeorm'
import { expect, onTestFinished, test } from 'vitest'
import { migrateUp, requireMigrations } from '../../src/database/migrate.ts'
import {
  entities,
  grantReadOnly,
  migrations,
  monitorRepository,
  openDatabase,
  sizeReport,
} from '../../src/monitor/index.ts'
import { freshDatabase } from '../support/postgres.ts'

const TASKS = `
  insert into monitor.task (task_id, root_id, parent_id, name, state, kwargs, creator_id, is_result, result, follow_ups,
    published_at, started_at, finished_at, state_at)
  select id, root, parent, 'export.' || id, state, kwargs::jsonb, creator, is_result, result::jsonb, follow_ups::jsonb,
    now() - interval '1 hour' + nth * interval '1 second', now() - interval '1 hour',
    case when state <> 'PENDING' then now() end, now()
  from (values
    (1, 'root', 'root', null, 'SUCCESS', '{"slug": "a"}', '7', false, '1', '{"chain": [{"id": "next", "name": "x"}]}'),
    (3, 'second', 'root', 'root', 'FAILURE', '{}', null, true, null, null),
    (2, 'first', 'root', 'root', 'SUCCESS', '{}', null, true, '{"rows": 2}', '{"chord": {"id": "body", "name": "y"}}'),
    (4, 'third', 'root', 'root', 'SUCCESS', '{}', null, true, '"late"', '{"chord": {"id": "body", "name": "y"}}'),
    (9, 'unlock', 'root', 'root', 'PENDING', '{}', null, false, null, null),
    (5, 'waiting', 'waiting', null, 'PENDING', '{}', '7', false, null, null),
    (6, 'orphan', 'unseen', 'unseen', 'SUCCESS', '{}', null, false, '0', null)
  ) as given (nth, id, root, parent, state, kwargs, creator, is_result, result, follow_ups);
  update monitor.task set name = 'celery.chord_unlock' where task_id = 'unlock'`

test("an application's own DataSource takes our entities and migrations, and answers questions", async () => {
  const monitor = monitorRepository(await applicationSource())
  const ids = (rows: readonly { taskId: string }[]) => rows.map(({ taskId }) => taskId)
  expect(ids(await monitor.failures())).toEqual(['second'])
  expect(ids(await monitor.byArgument('slug', 'a'))).toEqual(['root'])
  expect(ids(await monitor.tasks({ creatorId: '7', order: 'oldest' }))).toEqual(['root', 'waiting'])
  expect(ids(await monitor.stuck())).toEqual(['waiting', 'unlock'])
  expect(await monitor.countByStatus()).toEqual([
    { status: 'SUCCESS', count: 4 },
    { status: 'PENDING', count: 2 },
    { status: 'FAILURE', count: 1 },
  ])
  expect(await monitor.stats()).toMatchObject([{ tasks: 7, successRate: 0.8 }])
  expect(await monitor.quarantined()).toEqual([])
  expect((await monitor.task('roo'))?.task.status).toBe('SUCCESS')
  expect((await monitor.tree('first'))?.roots.map(({ task }) => task.taskId)).toEqual(['root'])
  expect(await monitor.history.findOneBy({ taskId: 'first' })).toMatchObject({ status: 'SUCCESS' })
  expect(await monitor.familyRows.countBy({ creatorId: '7' })).toBe(2)
  for (const rows of [monitor.taskRows, monitor.messages, monitor.events, monitor.workers])
    expect(await rows.count()).toBeGreaterThanOrEqual(0)
})

test('an application may have entities of the same names as ours, and names in a way of its own', async () => {
  const own = ['Task', 'Message', 'Event', 'Worker'].map(
    (name) =>
      new EntitySchema({
        name,
        tableName: `app_${name.toLowerCase()}`,
        columns: { appId: { type: 'integer', primary: true } },
      }),
  )
  const source = await applicationSource({ entities: own, namingStrategy: new SnakeNames() })
  const drift = await source.driver.createSchemaBuilder().log()
  expect(drift.upQueries.map(({ query }) => query)).toEqual(
    own.map(({ options }) =>
      expect.stringContaining(`CREATE TABLE "${options.tableName}" ("app_id"`),
    ),
  )
  const monitor = monitorRepository(source)
  expect(await monitor.taskRows.findOneBy({ taskId: 'root' })).toMatchObject({
    name: 'export.root',
  })
  for (const rows of [monitor.messages, monitor.events, monitor.workers])
    expect(rows.metadata.schema).toBe('monitor')
})

class SnakeNames extends DefaultNamingStrategy {
  override columnName(property: string, given: string): string {
    return given || property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  }
}

test('numbers are numbers in the DataSource of an application, too', async () => {
  const source = await applicationSource()
  await source.query(
    "insert into monitor.worker (hostname, clock, processed) values ('w', 7, 9007199254740993)",
  )
  await source.query(
    `insert into monitor.event (day, happened_at, type, clock, fields, digest)
     values ('2026-01-01', '2026-01-01', 'x', 5, '{}', 'a')`,
  )
  const monitor = monitorRepository(source)
  const exact = '9007199254740993'
  expect(await monitor.workers.find()).toMatchObject([{ clock: 7, processed: exact }])
  expect(await monitor.events.find()).toMatchObject([{ id: 1, clock: 5, day: '2026-01-01' }])
  expect(await monitor.events.countBy({ id: 1 })).toBe(1)
})

test('a family is summed up: status, results in order, what is to come, and what it is for', async () => {
  const monitor = monitorRepository(await applicationSource())
  expect(await monitor.family('third')).toMatchObject({
    rootId: 'root',
    name: 'export.root',
    overallStatus: 'FAILURE',
    overallResults: [{ rows: 2 }, 'late'],
    tasks: 4,
    statuses: { SUCCESS: 3, FAILURE: 1 },
    pendingSteps: 2,
    creatorId: '7',
    // What was to follow a failure never comes.
    finishedAt: expect.any(Date),
  })
  expect(
    (await monitor.families()).map(({ rootId, overallStatus }) => [rootId, overallStatus]),
  ).toEqual([
    ['unseen', 'SUCCESS'],
    ['waiting', 'PENDING'],
    ['root', 'FAILURE'],
  ])
})

test('calls that tell of more retries than there can be spoil no statistics', async () => {
  const source = await applicationSource()
  await source.query('update monitor.task set retries = 2147483647')
  expect(await monitorRepository(source).stats()).toMatchObject([{ retries: 7 * 2147483647 }])
})

test('families are found by what became of them', async () => {
  const monitor = monitorRepository(await applicationSource())
  const roots = async (overallStatus: string) =>
    (await monitor.families({ overallStatus })).map(({ rootId }) => rootId)
  expect(await roots('FAILURE')).toEqual(['root'])
  expect(await roots('SUCCESS')).toEqual(['unseen'])
  expect(
    (await monitor.families({ creatorId: '7', limit: 1 })).map(({ rootId }) => rootId),
  ).toEqual(['waiting'])
})

test('a family is under way while its tasks disagree, or while steps are to come', async () => {
  const source = await applicationSource()
  const monitor = monitorRepository(source)
  await source.query(
    "update monitor.task set state = 'STARTED', finished_at = null where task_id = 'second'",
  )
  expect(await monitor.family('root')).toMatchObject({ overallStatus: 'STARTED', finishedAt: null })
  await source.query(
    "update monitor.task set state = 'SUCCESS', finished_at = now() where task_id = 'second'",
  )
  expect(await monitor.family('root')).toMatchObject({ overallStatus: 'SUCCESS', finishedAt: null })
  await source.query("insert into monitor.task (task_id) values ('next'), ('body')")
  expect(await monitor.family('root')).toMatchObject({
    overallStatus: 'SUCCESS',
    pendingSteps: 0,
    finishedAt: expect.any(Date),
  })
})

test('a role that may only read reads every table and view, calls functions, and changes nothing', async () => {
  const url = new URL(await freshDatabase())
  await using database = await openDatabase({ url: url.href })
  const source = await applicationSource({
    url: url.href,
    migrationsTableName: 'celery_toolbox_migrations',
  })
  const role = `reader_${Date.now()}`
  await database.query(`create role ${role} login password 'reads'`)
  onTestFinished(async () => {
    await source.query(`drop owned by ${role}; drop role ${role}`)
  })
  await grantReadOnly(database, role)
  await grantReadOnly(database, role)
  await database.query('create table monitor.made_later (id integer)')
  url.username = role
  url.password = 'reads'
  await using reader = await openDatabase({ url: url.href })
  for (const table of READABLE) await reader.query(`select * from ${table} limit 1`)
  expect(await reader.query('select monitor.read_result(null) as result')).toEqual([
    { result: null },
  ])
  expect(await monitorRepository(source).tasks()).toHaveLength(7)
  await requireMigrations(reader)
  expect(await migrateUp(database)).toEqual([])
  expect((await sizeReport(reader)).map(({ table }) => table)).toContain('monitor.task')
  for (const change of [
    "insert into monitor.task (task_id) values ('x')",
    'delete from celery_taskmeta',
    "update monitor.quarantine set code = ''",
    "select monitor.ensure_partitions('event', 30)",
    'create table monitor.mine (id integer)',
  ]) {
    await expect(reader.query(change), change).rejects.toThrow(/permission denied|must be owner/)
  }
})

const READABLE = [
  'monitor.task',
  'monitor.task_history',
  'monitor.task_family',
  'monitor.message',
  'monitor.message_default',
  'monitor.event',
  'monitor.worker',
  'monitor.quarantine',
  'monitor.scheduled',
  'monitor.replay',
  'monitor.made_later',
  'public.celery_taskmeta',
  'public.celery_tasksetmeta',
]

interface OwnOptions {
  readonly url?: string
  readonly migrationsTableName?: string
  readonly entities?: readonly EntitySchema[]
  readonly namingStrategy?: DefaultNamingStrategy
}

/** As an application opens it: TypeORM's defaults, and entities of its own beside ours. */
async function applicationSource(own: OwnOptions = {}): Promise<DataSource> {
  const { url = await freshDatabase(), entities: others = [], ...options } = own
  const source = new DataSource({
    type: 'postgres',
    url,
    entities: [...others, ...entities],
    migrations: [...migrations],
    ...options,
  })
  await source.initialize()
  onTestFinished(() => source.destroy())
  await source.runMigrations()
  await source.query(TASKS)
  return source
}
