import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { argument } from '../../src/cli/tasks/options/argument-option.ts'
import type { Database } from '../../src/database/database.ts'
import { migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { listTasks, type TaskFilters } from '../../src/monitor/queries/list-tasks.ts'
import { showTask } from '../../src/monitor/queries/show-task.ts'
import { taskStats } from '../../src/monitor/queries/task-stats.ts'
import { service } from '../support/services.ts'
import { createTestDatabase, dropTestDatabase } from '../support/test-databases.ts'

let database: Database

beforeAll(async () => {
  const name = await createTestDatabase()
  const url = new URL(service('DATABASE_URL'))
  url.pathname = `/${name}`
  database = await openDatabase({ url: url.href })
  await migrateUp(database)
  await database.query(TASKS)
  return async () => {
    await database.close()
    await dropTestDatabase(name)
  }
})

const TASKS = `
  insert into monitor.task
    (task_id, root_id, name, state, state_at, args, kwargs, queue, worker, creator_id, retries,
     published_at, started_at, finished_at, runtime_ms, exception)
  select id, id, name, state, now(), args::jsonb, kwargs::jsonb, queue, worker, creator, retries,
    published, published + wait * interval '1 second', published + (wait + run) * interval '1 second',
    CASE WHEN state <> 'FAILURE' THEN run * 1000 END, exception
  from (values
    ('a', 'export.pdf', 'SUCCESS', '[5, "x"]', '{"slug": "abc", "options": {"page": 3}}', 'export', 'w1', '7', 0, 1, 2, null),
    ('b', 'export.pdf', 'FAILURE', '["5"]', '{"slug": "100%_sure"}', 'export', 'w2', '7', 2, 3, 4, 'OSError: Paper out'),
    ('c', 'export.xls', 'SUCCESS', '["x", {"slug": "abc"}]', '{}', 'export', 'w1', null, 0, 5, 6, null),
    ('d', 'mail.send', 'STARTED', '[]', '{"to": "abc"}', 'mail', 'w1', null, 0, 7, null, null),
    ('e', 'mail.send', 'PENDING', '[6, 5]', '{"slug": 5}', 'mail', null, null, 0, null, null, null)
  ) as given (id, name, state, args, kwargs, queue, worker, creator, retries, wait, run, exception),
    lateral (select date_trunc('hour', now()) - interval '1 hour' + (ascii(id) - 96) * interval '1 second' as published) at`

test.each<[string, TaskFilters, string[]]>([
  ['a keyword argument', by('slug', 'abc'), ['c', 'a']],
  ['what is within one', by('options.page', 3), ['a']],
  ['a position', by('0', 5), ['a']],
  [
    'a position, whether number or text',
    { arguments: [{ path: '0', value: 5, text: '5' }] },
    ['b', 'a'],
  ],
  ['what is within a position', by('1.slug', 'abc'), ['c']],
  [
    'several arguments',
    {
      arguments: [
        { path: 'slug', value: 'abc' },
        { path: '1', value: 'x' },
      ],
    },
    ['a'],
  ],
  ['text in an exception, in any case', { text: 'paper OUT' }, ['b']],
  ['text in arguments, in which % and _ are themselves', { text: '0%_s' }, ['b']],
  ['text that is nowhere', { text: '0_%s' }, []],
  ['worker', { worker: 'w1' }, ['d', 'c', 'a']],
  ['creator', { creatorId: '7' }, ['b', 'a']],
  ['the beginning of a name', { name: 'export.*' }, ['c', 'b', 'a']],
  ['a name that ends with no star', { name: 'export.' }, []],
  ['an open status', { status: 'STARTED' }, ['d']],
  ['a final status', { status: 'FAILURE' }, ['b']],
  [
    'all of them at once',
    { queue: 'mail', status: 'PENDING', name: 'mail.send', ...by('slug', 5) },
    ['e'],
  ],
])('tasks are found by %s', async (_what, filters, ids) => {
  expect(await idsOf(filters)).toEqual(ids)
})

test('tasks are found by arguments beyond what JavaScript holds, in lists, and by text that JSON escapes', async () => {
  const kwargs =
    '{"big": 12345678901234567891, "rows": [{"ids": [7, 8]}], "years": {"2026": 1}, "said": "\\"no\\"\\nC:\\\\tmp \ufffd"}'
  await database.query(
    `insert into monitor.task (task_id, name, args, kwargs) values ('odd', 'odd', '[[1, [2, 3]]]', $1)`,
    [kwargs],
  )
  onTestFinished(async () => {
    await database.query("delete from monitor.task where task_id = 'odd'")
  })
  const given = (text: string): TaskFilters => ({ name: 'odd', arguments: argument(text) })
  for (const text of ['big=12345678901234567891', 'rows.0.ids.1=8', 'rows.0={"ids": [7, 8]}'])
    expect([text, await idsOf(given(text))]).toEqual([text, ['odd']])
  for (const text of ['years.2026=1', '0.1.0=2', '0.0=1'])
    expect([text, await idsOf(given(text))]).toEqual([text, ['odd']])
  for (const text of ['big=12345678901234567890', 'rows.1.ids.1=8', 'rows.0.ids.0=8', '0.1.1=2'])
    expect([text, await idsOf(given(text))]).toEqual([text, []])
  for (const text of ['12345678901=1', 'said="\\u0000"', 'said="\\ud800"'])
    expect([text, await idsOf(given(text))]).toEqual([text, []])
  for (const text of ['"NO"', '"\nc:\\TMP', 'tmp \u0000'])
    expect([text, await idsOf({ name: 'odd', text })]).toEqual([text, ['odd']])
})

test('a filter is a value, never SQL', async () => {
  const odd = "' or 1=1 --"
  const filters: TaskFilters = { name: odd, queue: '$1', text: odd, status: odd, ...by(odd, odd) }
  expect(await idsOf(filters)).toEqual([])
})

test('a task is found by the beginning of its id, as long as there is one such', async () => {
  await database.query("insert into monitor.task (task_id) values ('long-1'), ('long-2')")
  expect((await showTask(database, 'long-1'))?.task.taskId).toBe('long-1')
  expect(await showTask(database, 'nothing')).toBeUndefined()
  await expect(showTask(database, 'long')).rejects.toMatchObject({
    code: 'TASK_AMBIGUOUS',
    message: expect.stringMatching(/long-1 and long-2/),
  })
  await database.query("delete from monitor.task where task_id like 'long-%'")
})

test('pages follow one another, from the newest or from the oldest, tasks known only by events included', async () => {
  await database.query(
    "insert into monitor.task (task_id, name) values ('y', 'unseen'), ('z', 'unseen')",
  )
  const newest = await allPages('newest')
  expect(newest).toEqual(['z', 'y', 'e', 'd', 'c', 'b', 'a'])
  expect(await allPages('oldest')).toEqual(newest.toReversed())
  await database.query("delete from monitor.task where name = 'unseen'")
  await expect(listTasks(database, { after: 'nobody' })).rejects.toMatchObject({
    code: 'TASK_UNKNOWN',
    message: expect.stringContaining('"nobody"'),
  })
})

test('statistics tell how many tasks there were, how they ended, and how long they waited and ran', async () => {
  expect(await taskStats(database)).toEqual([
    {
      key: null,
      tasks: 5,
      states: { SUCCESS: 2, FAILURE: 1, STARTED: 1, PENDING: 1 },
      successRate: 2 / 3,
      retries: 2,
      wait: { p50: 3_000, p95: 7_000, max: 7_000 },
      run: { p50: 4_000, p95: 6_000, max: 6_000 },
      perMinute: 3,
    },
  ])
})

test.each([
  ['name', ['export.pdf', 'mail.send', 'export.xls']],
  ['queue', ['export', 'mail']],
  ['worker', ['w1', 'w2', null]],
] as const)('statistics are told by %s', async (by, keys) => {
  expect((await taskStats(database, { by })).map(({ key }) => key)).toEqual(keys)
})

test('statistics by hour name the hour in UTC, and a time in which nothing happened has none', async () => {
  const [hour] = await taskStats(database, { by: 'hour' })
  expect(hour?.key).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00Z$/)
  expect(await taskStats(database, { until: new Date(0) })).toEqual([])
})

function by(path: string, value: unknown): TaskFilters {
  return { arguments: [{ path, value }] }
}

async function idsOf(filters: TaskFilters): Promise<string[]> {
  return (await listTasks(database, filters)).map(({ taskId }) => taskId)
}

async function allPages(order: 'newest' | 'oldest'): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const last = ids.at(-1)
    const page = await idsOf({ order, limit: 2, ...(last !== undefined && { after: last }) })
    if (page.length === 0) return ids
    ids.push(...page)
  }
}
