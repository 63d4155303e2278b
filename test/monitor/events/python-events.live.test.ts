import { expect, test } from 'vitest'
import { freshServers, liveApp, startMonitor } from '../../support/live-app.ts'
import { startPythonWorker } from '../../support/python-celery.ts'
import { waitFor } from '../../support/wait-for.ts'

test('what a Python worker reports of its tasks is recorded: every step, whatever came of it', async () => {
  const servers = await freshServers()
  const database = await startMonitor(servers)
  const app = liveApp(servers)
  const calls = [
    await app.sendTask('python.add', [2, 3]),
    await app.sendTask('python.fail', ['no good']),
    await app.sendTask('python.flaky', [2]),
  ]
  const args = ['-E', '-n', 'py@host']
  await startPythonWorker({
    env: servers.env,
    queues: ['python'],
    pool: 'prefork',
    concurrency: 1,
    args,
  })

  const ids = calls.map(({ id }) => id)
  const rows = await waitFor('the end of all tasks, as it was told', async () => {
    const found = await database.query<{ task_id: string }>(FINISHED, [ids])
    return found.length === ids.length && found
  })
  const [add, fail, flaky] = ids.map((id) => rows.find((row) => row.task_id === id))
  const ran = { worker: 'py@host', queue: 'python', is_in_order: true }
  expect(add).toMatchObject({ ...ran, state: 'SUCCESS', result: 5, has_runtime: true })
  expect(fail).toMatchObject({ ...ran, state: 'FAILURE', exception: 'ValueError: no good' })
  expect(flaky).toMatchObject({ ...ran, state: 'SUCCESS', result: 2, retries: 2 })

  // A Python worker may tell that it retries after it has taken the retry.
  const types = await database.query(
    'select type, count(*)::integer from monitor.event where task_id = $1 group by type order by 2, 1',
    [ids[2]],
  )
  expect(types).toEqual([
    { type: 'task-succeeded', count: 1 },
    { type: 'task-retried', count: 2 },
    { type: 'task-received', count: 3 },
    { type: 'task-started', count: 3 },
  ])
  const workers = await database.query('select hostname, software, processed from monitor.worker')
  expect(workers).toMatchObject([{ hostname: 'py@host', software: 'py-celery' }])
})

/** Over by what was told, and by what was stored. */
const FINISHED = `
  select task_id, state, worker, queue, retries, result, exception, runtime_ms > 0 as has_runtime,
    received_at <= started_at and started_at <= finished_at as is_in_order
  from monitor.task
  where task_id = any($1) and event_state in ('SUCCESS', 'FAILURE') and result is not null`
