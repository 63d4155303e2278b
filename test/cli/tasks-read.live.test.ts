import { Client } from 'pg'
import { expect, test } from 'vitest'
import { cliSpace } from './cli-space.ts'

const FAMILY = `
  insert into monitor.task (task_id, root_id, parent_id, group_id, name, state, state_at, kwargs, follow_ups, published_at, started_at, finished_at)
  values
    ('root-id', 'root-id', null, null, 'export.project', 'SUCCESS', now(), '{"slug": "abc", "page": "5"}',
      '{"chain": [{"id": "zip-id", "name": "export.zip"}]}', now() - interval '3 s', now() - interval '2 s', now()),
    ('child-id', 'root-id', 'root-id', 'group-id', 'export.page', 'STARTED', now(), '{}', null, now() - interval '2 s', now(), null)`

test('a recorded family is listed by its arguments, drawn as a tree, and counted', async () => {
  const cli = await cliSpace({ CELERY_QUEUES: undefined })
  await cli.run('migrate', 'up')
  const client = new Client({ connectionString: cli.database })
  await client.connect()
  await client.query(FAMILY)
  await client.end()
  const answer = async (...args: string[]) => JSON.parse((await cli.run('tasks', ...args)).stdout)
  const listed = await answer('list', '--arg', 'slug=abc', '--arg', 'page=5', '--limit', '1')
  expect(listed).toMatchObject([{ taskId: 'root-id' }])
  expect(await answer('list', '--after', 'child-id')).toMatchObject([{ taskId: 'root-id' }])
  expect(await answer('tree', 'child')).toMatchObject({
    rootId: 'root-id',
    overallStatus: 'STARTED',
    pendingSteps: 1,
    roots: [
      {
        task: { taskId: 'root-id' },
        children: [{ task: { taskId: 'child-id' }, isCritical: true }],
        pending: [{ id: 'zip-id', name: 'export.zip' }],
      },
    ],
  })
  expect(await answer('stats', '--by', 'name', '--since', '1h')).toMatchObject([
    { key: 'export.page', tasks: 1, successRate: null },
    { key: 'export.project', tasks: 1, successRate: 1 },
  ])
  // Known by its last step before that is published, and by its group.
  expect(await answer('tree', 'zip-id')).toMatchObject({ rootId: 'root-id' })
  expect(await answer('tree', 'group-id')).toMatchObject({ rootId: 'root-id' })
  const misspelt = await cli.run('tasks', 'list', '--state', 'sucess')
  expect(misspelt).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no task has the status "SUCESS", did you mean SUCCESS?'),
  })
  expect(await answer('list', '--state', 'LOST')).toEqual([])
  // Nothing here concerns queues.
  expect(misspelt.stderr).not.toContain('no queues were given')
  const refused = await cli.run('migrate', 'grants', '--role', 'nobody-is-called-so')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('does not exist') })
  expect(await cli.run('tasks', 'list', '--arg', 'slug')).toMatchObject({ code: 2 })
})
