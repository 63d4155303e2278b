import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../../src/config/index.ts'
import { createApp } from '../../../src/create-app.ts'
import type { Database } from '../../../src/database/database.ts'
import { migrateUp } from '../../../src/database/migrate.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { Monitor } from '../../../src/monitor/monitor.ts'
import { whyTask } from '../../../src/monitor/queries/why/why-task.ts'
import { cliSpace } from '../../cli/cli-space.ts'
import { disagreements, Ledger } from '../../support/ledger.ts'
import { freshServers, liveApp, migratedDatabase } from '../../support/live-app.ts'
import { startNodePod, startPythonPod } from '../../support/pods.ts'
import { service } from '../../support/services.ts'
import { waitFor } from '../../support/wait-for.ts'

const TELLING = ['-E', '--heartbeat-interval', '0.5']

test('a task whose worker was killed is lost, with what shows it, until another worker takes it', async () => {
  const cli = await cliSpace()
  Object.assign(cli.env, { CELERY_TASK_ACKS_LATE: 'True' })
  const database = await openDatabase({ url: cli.database })
  onTestFinished(() => database.close())
  await migrateUp(database)
  const app = createApp(
    new Config({
      queues: ['export'],
      broker_url: cli.vhost.url,
      result_backend: `db+${cli.database}`,
      dotenv: false,
      environment: {},
    }),
  )
  onTestFinished(() => app.close())
  const { config } = app
  const monitor = new Monitor({
    broker: app.broker(),
    database,
    config,
    states: {
      absorb: { everyMs: 50 },
      reconcile: { everyMs: 100, graceMs: 200, missedHeartbeats: 3 },
    },
  })
  onTestFinished(() => monitor.stop())
  await monitor.start()

  const first = await cli.startWorker(...TELLING, '-n', 'first@host')
  const release = join(tmpdir(), `release-${Date.now()}-${process.pid}`)
  onTestFinished(() =>
    Promise.all([rm(release, { force: true }), rm(`${release}.running`, { force: true })]).then(
      () => undefined,
    ),
  )
  const { id } = await app.sendTask('export.hold', [release])
  await became(database, id, 'STARTED')
  await waitFor('the worker to have said what it takes from', async () => {
    const known = await database.query(
      'select from monitor.worker_process where queues is not null',
    )
    return known.length === 1
  })
  first.kill('SIGKILL')
  const lost = await became(database, id, 'LOST')
  expect(lost.reason).toMatch(/^worker first@host was heard of last at .*, and nothing was heard/)
  expect(lost.lost).toMatchObject({
    kind: 'worker-gone',
    was: 'STARTED',
    action: 'mark',
    evidence: { worker: 'first@host', worker_is: 'silent' },
  })
  expect((await whyTask(database, app.broker(), id.slice(0, 20)))?.why).toEqual([
    expect.stringMatching(/^it was lost: worker first@host/),
  ])

  await cli.startWorker(...TELLING, '-n', 'second@host')
  const again = await became(database, id, 'STARTED')
  expect(again.reason).toMatch(
    /^running on worker second@host.*; it had been taken for lost: worker first/,
  )
  await writeFile(release, '')
  expect(await became(database, id, 'SUCCESS')).toMatchObject({ result: 'released' })
})

test('tasks of workers of both languages that were killed are lost within 20 s, each with its evidence', async () => {
  const servers = await freshServers(['export', 'python'])
  const app = liveApp(servers, { RABBITMQ_API_URL: service('RABBITMQ_API_URL') })
  const killed = new Set(['py@pods', 'node@pods'])
  const database = await migratedDatabase(servers.databaseUrl)
  const reconcile = { everyMs: 1000, graceMs: 3000, missedHeartbeats: 4 }
  const monitor = new Monitor({
    broker: app.broker(),
    database,
    config: app.config,
    states: { reconcile },
  })
  onTestFinished(() => monitor.stop())
  await monitor.start()
  const ledger = new Ledger()
  const workers = await Promise.all([
    startPythonPod(servers, ledger, { name: 'py@pods', args: ['-E'] }),
    startNodePod(servers, ledger, { name: 'node@pods' }),
  ])
  await waitFor('the workers to have said what they take from', async () => {
    const known = await database.query(
      'select from monitor.worker_process where queues is not null and connection is not null',
    )
    return known.length === 2
  })
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
      evidence: { worker, worker_is: 'silent', connection: 'closed', since: expect.any(String) },
    })),
  )
  expect(await disagreements(database, ledger, { killed, isReplayed: false })).toEqual([])
})

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
    { everyMs: 50 },
  )
}
