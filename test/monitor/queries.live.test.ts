import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { countByStatus } from '../../src/monitor/queries/count-by-status.ts'
import { familyTree } from '../../src/monitor/queries/family-tree.ts'
import { listTasks, type TaskFilters } from '../../src/monitor/queries/list-tasks.ts'
import { quarantined } from '../../src/monitor/queries/quarantined.ts'
import { showTask } from '../../src/monitor/queries/show-task.ts'
import { PROJECT } from '../support/services.ts'
import { recordHistory } from './history.ts'

test('the queries of the page on the database answer, one of them by an index on how names begin', async () => {
  const { database } = await recordHistory()
  await absorb(database)
  const page = readFileSync(join(PROJECT, 'docs/database.md'), 'utf8')
  const [block = ''] = [...page.matchAll(/```sql\n(.*?)\n```/gs)].map((match) => match[1] ?? '')
  const [counts, failures = ''] = block.split(';\n')
  expect(await database.query(counts ?? '')).toContainEqual({ status: 'FAILURE', count: 1 })
  expect(await database.query(failures.replace('export.pdf', 'export.child-2'))).toMatchObject([
    { task_id: 'child-2' },
  ])
  expect(
    await database.query('SELECT from pg_indexes WHERE indexdef ~ $1', ['left.*name, 200']),
  ).toHaveLength(1)
})

test('every query of the documentation answers something on a real history', async () => {
  const { database } = await recordHistory()
  await absorb(database)
  const page = readFileSync(join(PROJECT, 'docs/monitor.md'), 'utf8')
  const queries = [...page.matchAll(/```sql\n(.*?);\n```/gs)].map((match) => match[1] ?? '')
  expect(queries.length).toBeGreaterThanOrEqual(20)
  for (const query of queries) {
    expect([query, (await database.query(query)).length > 0]).toEqual([query, true])
  }
})

async function absorb(database: Database): Promise<void> {
  await database.query(
    'SELECT monitor.absorb_results(array_agg(task_id::text)) FROM celery_taskmeta',
  )
}

test('tasks are listed by what is asked for, the newest first', async () => {
  const { database } = await recordHistory()
  const ids = async (filters?: TaskFilters) =>
    (await listTasks(database, filters)).map(({ taskId }) => taskId)
  expect(new Set(await ids())).toEqual(
    new Set(['alone', 'child-1', 'child-2', 'grandchild', 'later', 'lost', 'root']),
  )
  expect((await ids()).at(-1)).toBe('lost')
  expect((await ids({ order: 'oldest' }))[0]).toBe('lost')
  expect(await ids({ status: 'FAILURE' })).toEqual(['child-2'])
  expect(await ids({ status: 'SCHEDULED' })).toEqual(['later'])
  expect(await ids({ name: 'export.project' })).toEqual(['root'])
  expect(new Set(await ids({ name: 'export.child*' }))).toEqual(new Set(['child-1', 'child-2']))
  expect(new Set(await ids({ rootId: 'root', queue: 'export' }))).toEqual(
    new Set(['child-1', 'child-2', 'grandchild', 'root']),
  )
  const halfAnHourAgo = new Date(Date.now() - 1_800_000)
  expect(await ids({ until: halfAnHourAgo })).toEqual(['lost'])
  expect(await ids({ since: halfAnHourAgo, limit: 2, offset: 5 })).toHaveLength(1)
  expect(await listTasks(database, { name: 'nobody.home' })).toMatchObject([
    { taskId: 'lost', status: 'UNROUTED', queue: null, isUnrouted: true, retries: 0 },
  ])
})

test('a task is shown with its result, its messages and its family', async () => {
  const { database } = await recordHistory()
  const shown = await showTask(database, 'root')
  expect(shown?.task).toMatchObject({
    name: 'export.project',
    status: 'SUCCESS',
    kwargs: { slug: 'project-1' },
    result: { url: 'https://files.example/1' },
    creatorId: '7',
    relatedType: 'project',
    relatedId: '12',
  })
  expect(new Set(shown?.family.map(({ taskId }) => taskId))).toEqual(
    new Set(['child-1', 'child-2', 'grandchild', 'root']),
  )
  expect(
    (await showTask(database, 'alone'))?.messages.map(({ message }) => message.headers.retries),
  ).toEqual([0, 2])
  expect((await showTask(database, 'child-2'))?.task.exception).toMatch(/ValueError.*no good/)
})

test('the tree of a recorded family shows the steps that its messages carry', async () => {
  const { database } = await recordHistory()
  const tree = await familyTree(database, 'grandchild')
  expect(tree).toMatchObject({ rootId: 'root', pendingSteps: 1, overallStatus: 'FAILURE' })
  expect(tree?.roots).toMatchObject([
    { task: { taskId: 'root' }, pending: [{ id: 'zip', name: 'export.zip' }] },
  ])
})

test('tasks are counted by status', async () => {
  const { database } = await recordHistory()
  expect(await countByStatus(database)).toEqual([
    { status: 'SUCCESS', count: 2 },
    { status: 'FAILURE', count: 1 },
    { status: 'PENDING', count: 1 },
    { status: 'RETRY', count: 1 },
    { status: 'SCHEDULED', count: 1 },
    { status: 'UNROUTED', count: 1 },
  ])
  const counts = await countByStatus(database, { since: new Date(Date.now() - 1_800_000) })
  expect(counts.find(({ status }) => status === 'UNROUTED')).toBeUndefined()
})

test('the quarantine is listed with the reasons', async () => {
  const { database } = await recordHistory()
  expect(await quarantined(database)).toMatchObject([
    {
      code: 'MESSAGE_UNDECODABLE',
      reason: expect.stringMatching(/expected "," or "]"/),
      taskId: 'broken',
      bodyBytes: 5,
    },
  ])
})
