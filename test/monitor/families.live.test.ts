import { expect, test } from 'vitest'
import { family } from '../../src/monitor/queries/families.ts'
import { familyTree } from '../../src/monitor/queries/family-tree.ts'
import { backfill } from '../../src/monitor/states/backfill.ts'
import { migrated, recordTask, storeResult } from './states/recorded.ts'

const PUBLISHED = new Date('2026-11-01T12:00:00Z')

test('a chain through a chord is over once its parts are, as Celery publishes no task under the id of the chord', async () => {
  const database = await migrated()
  const total = { id: 'total', name: 'python.total' }
  const errbacks = [{ id: 'alarm', name: 'python.alarm' }]
  const steps = [{ id: 'one', name: 'python.one', errbacks }]
  const chord = { id: 'group', name: 'celery.chord', kind: 'chord', steps, chord: total }
  const ended = { state: 'SUCCESS', state_at: PUBLISHED, finished_at: PUBLISHED }
  const root = { task_id: 'root', root_id: 'root', published_at: PUBLISHED, ...ended }
  await recordTask(database, { ...root, name: 'python.root', follow_ups: { chain: [chord] } })
  expect(await family(database, 'root')).toMatchObject({ pendingSteps: 2, finishedAt: null })
  await recordTask(database, { ...root, task_id: 'one', follow_ups: { chord: total } })
  await recordTask(database, { ...root, task_id: 'total' })
  expect(await family(database, 'root')).toMatchObject({ pendingSteps: 0, finishedAt: PUBLISHED })
})

test('the body of a chord without a parent is a family of its own, and no step to come of a member', async () => {
  const database = await migrated()
  const chord = { id: 'body', name: 'python.total' }
  const member = { published_at: PUBLISHED, state: 'PENDING' }
  await recordTask(database, {
    ...member,
    task_id: 'one',
    root_id: 'one',
    follow_ups: { chord },
  })
  expect((await familyTree(database, 'one'))?.roots).toMatchObject([{ pending: [chord] }])
  await recordTask(database, { ...member, task_id: 'body', root_id: 'unlock' })
  expect((await familyTree(database, 'one'))?.roots).toMatchObject([{ pending: [] }])
})

test('a task of which only the result is known is a family of one, until others name it as their root', async () => {
  const database = await migrated()
  await storeResult(database, {
    taskId: 'stored',
    name: 'export.stored',
    status: 'SUCCESS',
    result: 42,
  })
  await backfill(database)
  expect(await database.query('SELECT * FROM monitor.task_family')).toEqual([])
  expect(await familyTree(database, 'stored')).toMatchObject({
    rootId: 'stored',
    overallStatus: 'SUCCESS',
    tasks: 1,
    statuses: { SUCCESS: 1 },
    pendingSteps: 0,
    roots: [{ task: { taskId: 'stored' } }],
  })
  const child = { root_id: 'stored', parent_id: 'stored', published_at: PUBLISHED }
  await recordTask(database, { ...child, task_id: 'child', state: 'STARTED' })
  expect(await familyTree(database, 'stored')).toMatchObject({
    rootId: 'stored',
    name: null,
    roots: [{ task: { taskId: 'stored' }, children: [{ task: { taskId: 'child' } }] }],
  })
})

test('how far a task is, and what it is retried for, are no results of its family', async () => {
  const database = await migrated()
  const task = { root_id: 'busy', is_result: true, published_at: PUBLISHED }
  for (const task_id of ['busy', 'done', 'failed', 'retried'])
    await recordTask(database, { ...task, task_id })
  await storeResult(database, { taskId: 'busy', status: 'PROGRESS', json: '{"at": 1}' })
  await storeResult(database, { taskId: 'done', status: 'SUCCESS', json: '"url"' })
  const problem = { exc_type: 'ValueError', exc_message: ['no ink'], exc_module: 'builtins' }
  await storeResult(database, { taskId: 'failed', status: 'FAILURE', result: problem })
  await storeResult(database, { taskId: 'retried', status: 'RETRY', result: problem })
  expect(await family(database, 'busy')).toMatchObject({ overallResults: ['url', problem] })
})

test('for how long a task has run is not shown where its start is unknown', async () => {
  const database = await migrated()
  await recordTask(database, { task_id: 'silent', state: 'PENDING', published_at: PUBLISHED })
  await storeResult(database, { taskId: 'silent', status: 'STARTED', done: 'null' })
  const [told] = await database.query(
    "SELECT status, reason FROM monitor.task_history WHERE task_id = 'silent'",
  )
  expect(told).toEqual({
    status: 'STARTED',
    reason: 'started; its worker sent no event of it, so nothing shows whether it still runs',
  })
})
