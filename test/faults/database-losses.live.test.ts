import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects, startFaultWorker } from './fault-worker.ts'

const COUNT = 300

test('database connections cut again and again while results and history are written: none of either is lost', async () => {
  const servers = await freshServers(['fault'])
  const database = await startMonitor(servers)
  const app = liveApp(servers)
  const effects = new Effects()
  await startFaultWorker(servers, effects)
  const cut = await cutter(servers.databaseUrl)

  const sending = Promise.all(
    Array.from({ length: COUNT }, async (_, n) => app.sendTask('fault.work', [n])),
  )
  for (const portion of [30, 100, 180, 260]) {
    await waitFor(`${portion} ends`, () => effects.of('end').size >= portion)
    await waitFor('a connection to cut', async () => (await cut()) > 0)
  }
  const results = await sending

  const values = await Promise.all(results.map((result) => result.get({ timeoutMs: 40_000 })))
  expect(values).toEqual(Array.from({ length: COUNT }, (_, n) => n))
  await waitFor('the whole history', async () => {
    const rows = await database.query(
      'select status, count(*)::int from monitor.task_history group by status',
    )
    return JSON.stringify(rows) === `[{"status":"SUCCESS","count":${COUNT}}]`
  })
})

test('a database that is away while tasks run: results and history wait for it, and none is lost', async () => {
  const servers = await freshServers(['fault'])
  const database = await startMonitor(servers)
  const app = liveApp(servers)
  const effects = new Effects()
  await startFaultWorker(servers, effects)
  const warmUp = await app.sendTask('fault.work', [0])
  await warmUp.get({ timeoutMs: 10_000 })

  const back = await takenAway(servers.databaseUrl)
  const results = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => app.sendTask('fault.work', [n])),
  )
  // As many as the worker may take before their results are safe: its prefetch.
  await waitFor('tasks to have run all the same', () => effects.of('end').size >= 40)
  await back()

  const values = await Promise.all(results.map((result) => result.get({ timeoutMs: 40_000 })))
  expect(values).toEqual(Array.from({ length: 100 }, (_, n) => n))
  await waitFor('the whole history', async () => {
    const rows = await database.query(
      'select status, count(*)::int from monitor.task_history group by status',
    )
    return JSON.stringify(rows) === '[{"status":"SUCCESS","count":101}]'
  })
})

/** Ends all connections to that database but its own, and answers how many there were. */
async function cutter(databaseUrl: string): Promise<() => Promise<number>> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  onTestFinished(() => client.end())
  return async () => {
    const { rows } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    )
    return rows.length
  }
}

/** Lets nobody in and ends who is; the function returned lets them in again. */
async function takenAway(databaseUrl: string): Promise<() => Promise<void>> {
  const name = new URL(databaseUrl).pathname.slice(1)
  const client = new Client({ connectionString: service('DATABASE_URL') })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(`alter database ${name} with allow_connections false`)
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    name,
  ])
  return async () => {
    await client.query(`alter database ${name} with allow_connections true`)
  }
}
