import { expect, onTestFinished, test } from 'vitest'
import {
  MessageEntity,
  TaskEntity,
  TaskFamilyEntity,
  TaskHistoryEntity,
  TaskMetaEntity,
} from '../../src/monitor/entities/index.ts'
import { createDataSource } from '../../src/monitor/entities/schema/data-source.ts'
import { migratedDatabase } from '../support/postgres.ts'

test('migrations and entities agree exactly', async () => {
  const source = await migratedSource()
  const drift = await source.driver.createSchemaBuilder().log()
  expect(drift.upQueries.map(({ query }) => query)).toEqual([])
})

test.each([
  ['task_history', TaskHistoryEntity],
  ['task_family', TaskFamilyEntity],
])('the view %s has exactly the columns of its entity', async (view, { options }) => {
  const source = await migratedSource()
  const columns: { name: string; type: string }[] = await source.query(
    `select column_name as name, data_type as type from information_schema.columns
     where table_schema = 'monitor' and table_name = $1 order by ordinal_position`,
    [view],
  )
  const inEntity = Object.values(options.columns).map((column) => ({
    name: column?.name,
    type: String(column?.type).replace('timestamptz', 'timestamp with time zone'),
  }))
  expect(columns).toEqual(inEntity)
})

test('a task is written as a plain row, and read back through the view with its result', async () => {
  const source = await migratedSource()
  const publishedAt = new Date('2026-01-02T03:04:05.678Z')
  await source
    .getRepository(TaskEntity)
    .insert({ taskId: 't1', name: 'export.pdf', args: [1, { a: null }], publishedAt })
  await source.query(
    `insert into celery_taskmeta (id, task_id, status, result, date_done)
     values (nextval('task_id_sequence'), 't1', 'SUCCESS', '\\x80054b022e', '2026-01-02 03:04:06')`,
  )
  expect(
    await source.getRepository(TaskHistoryEntity).findOneByOrFail({ taskId: 't1' }),
  ).toMatchObject({
    kind: 'task',
    name: 'export.pdf',
    args: [1, { a: null }],
    status: 'SUCCESS',
    state: 'PENDING',
    result: 2,
    retries: 0,
    publishedAt,
    finishedAt: new Date('2026-01-02T03:04:06Z'),
  })
  const meta = await source.getRepository(TaskMetaEntity).findOneByOrFail({ taskId: 't1' })
  expect(meta).toMatchObject({
    result: Buffer.from([0x80, 5, 0x4b, 2, 0x2e]),
    dateDone: new Date('2026-01-02T03:04:06Z'),
  })
})

test('a message keeps its bytes, and its day decides its partition', async () => {
  const source = await migratedSource()
  const body = Buffer.from([0, 255, 1])
  const row = { exchange: 'task_exchange', routingKey: 'export', properties: {}, headers: {}, body }
  const today = new Date().toISOString().slice(0, 10)
  const messages = source.getRepository(MessageEntity)
  await messages.insert({ ...row, day: today, digest: Buffer.from('1') })
  await messages.insert({ ...row, day: '1999-12-31', digest: Buffer.from('1') })
  expect(await messages.find({ order: { id: 'ASC' } })).toMatchObject([
    { ...row, id: 1, day: today },
    { ...row, id: 2, day: '1999-12-31' },
  ])
  const places = await source.query(
    'select tableoid::regclass::text as place from monitor.message order by id',
  )
  expect(places).toEqual([
    { place: `monitor.message_${today.replaceAll('-', '')}` },
    { place: 'monitor.message_default' },
  ])
})

async function migratedSource() {
  const url = await migratedDatabase()
  const source = await createDataSource(url)
  await source.initialize()
  onTestFinished(() => source.destroy())
  return source
}
