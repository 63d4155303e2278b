import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { whyTask } from '../../../src/monitor/queries/why/why-task.ts'
import { disagreements } from '../../support/ledger.ts'
import { startNodePod, startPythonPod } from '../../support/pods.ts'
import type { Process } from '../../support/processes.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openWatchedField, type WatchedField } from '../../support/watched-field.ts'

test('tasks of workers of both languages that were killed are lost within 20 s, each with its evidence', async () => {
  const field = await openWatchedField({ policy: 'mark' })
  const { app, database, ledger } = field
  const workers = await startPods(field, 'pods')
  const tasks = await Promise.all([
    app.sendTask('python.pay', [60]),
    app.sendTask('export.pay', [60]),
  ])
  for (const { id } of tasks) await became(database, id, 'STARTED')
  for (const { pid } of workers) process.kill(-pid, 'SIGKILL')
  const killedAtMs = Date.now()
  const lost = await Promise.all(tasks.map(({ id }) => became(database, id, 'LOST')))
  expect(Date.now() - killedAtMs).toBeLessThan(20_000)
  expect(lost.map(({ lost: said }) => said)).toMatchObject(
    ['py@pods', 'node@pods'].map((worker) => ({
      kind: 'worker-gone',
      was: 'STARTED',
      action: 'mark',
      evidence: {
        worker,
        worker_is: 'silent',
        connection: 'closed',
        since: expect.any(String),
        acknowledged: 'when it started',
      },
    })),
  )
  expect((await whyTask(database, app.broker(), tasks[0].id.slice(0, 20)))?.why).toContainEqual(
    expect.stringMatching(
      /^it was lost: worker py@pods was heard of last at .*, and nothing was heard of the task since$/,
    ),
  )
  const killed = new Set(['py@pods', 'node@pods'])
  expect(await disagreements(database, ledger, { killed, isReplayed: false })).toEqual([])
})

test('what a killed worker acknowledges late is not lost: it waits in its queue, and the next worker runs it', async () => {
  const field = await openWatchedField()
  const { app, database, ledger } = field
  const workers = await startPods(field, 'first')
  const sent = ['python.pay_late', 'export.pay_late'].map((name) => app.sendTask(name, [10]))
  const ids = (await Promise.all(sent)).map(({ id }) => id)
  for (const id of ids) await became(database, id, 'STARTED')
  for (const { pid } of workers) process.kill(-pid, 'SIGKILL')
  for (const [at, id] of ids.entries()) {
    const waiting = await became(database, id, 'UNHEARD')
    expect(waiting.reason).toMatch(
      /^worker \w+@first was heard of last .*; the task is acknowledged late, so the broker gives it back to queue \w+$/,
    )
    const queue = at === 0 ? 'python' : 'export'
    expect((await whyTask(database, app.broker(), id))?.why).toContain(
      `no consumer is on queue ${queue}: start a worker for it`,
    )
  }
  await startPods(field, 'second')
  for (const id of ids) await became(database, id, 'SUCCESS')
  const killed = new Set(['py@first', 'node@first'])
  expect(await disagreements(database, ledger, { killed, sent: ids })).toEqual([])
  expect(ids.map((id) => ledger.runs(id).length)).toEqual([2, 2])
  expect(await database.query('select from monitor.task')).toHaveLength(2)
}, 90_000)

/** Once the monitor knows them. */
async function startPods(
  { servers, ledger, database }: WatchedField,
  host: string,
): Promise<Process[]> {
  const workers = await Promise.all([
    startPythonPod(servers, ledger, { name: `py@${host}`, args: ['-E'] }),
    startNodePod(servers, ledger, { name: `node@${host}` }),
  ])
  await waitFor('the workers to have said what they take from', async () => {
    const known = await database.query(
      `select from monitor.worker_process
       where hostname like '%@' || $1::text and queues is not null and connection is not null`,
      [host],
    )
    return known.length === 2
  })
  return workers
}

async function became(
  database: Database,
  id: string,
  status: string,
): Promise<Record<string, unknown>> {
  return await waitFor(
    `${id} to be ${status}`,
    async () => {
      const [row] = await database.query<Record<string, unknown>>(
        'select * from monitor.task_history where task_id = $1',
        [id],
      )
      if (row?.status !== status) throw new Error(`it is ${row?.status}: ${row?.reason}`)
      return row
    },
    { deadlineMs: 40_000, everyMs: 50 },
  )
}
