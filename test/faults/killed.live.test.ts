import { expect, test } from 'vitest'
import { freshServers, liveApp, migratedDatabase, startMonitor } from '../support/live-app.ts'
import { type Process, startCli } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects, startFaultWorker } from './fault-worker.ts'

const PATIENCE = { deadlineMs: 40_000 }

test('a late-acking worker killed in the middle of 200 tasks: after a restart each has run and is recorded once', async () => {
  const servers = await freshServers(['fault'])
  const database = await startMonitor(servers, { mayRunAgain: true })
  const app = liveApp(servers)
  const effects = new Effects()
  const numbers = Array.from({ length: 200 }, (_, n) => n)
  await Promise.all(numbers.map(async (n) => app.sendTask('fault.work', [n])))

  const first = await startFaultWorker(servers, effects, { concurrency: 5 })
  await waitFor('some tasks to have ended', () => effects.count('end') >= 40)
  expect(await first.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
  expect(effects.of('end').size).toBeLessThan(200)

  await startFaultWorker(servers, effects)
  await waitFor('the end of every task', () => effects.of('end').size === 200, PATIENCE)
  await waitFor('the history of every task', async () => {
    const rows = await database.query(
      'select status, count(*)::int from monitor.task_history group by status',
    )
    return JSON.stringify(rows) === '[{"status":"SUCCESS","count":200}]'
  })
  const [messages] = await database.query('select count(*)::int from monitor.message')
  expect(messages).toEqual({ count: 200 })
  expect((await app.broker().depth('fault')).messages).toBe(0)
})

test('a monitor killed in the middle of a batch: after a restart every message is recorded once', async () => {
  const servers = await freshServers(['fault'])
  const database = await migratedDatabase(servers.databaseUrl)
  const app = liveApp(servers)
  const send = (count: number) =>
    Promise.all(Array.from({ length: count }, async (_, n) => app.sendTask('fault.work', [n])))
  const countOf = async (table: string): Promise<number> => {
    const [row] = await database.query<{ count: number }>(`select count(*)::int from ${table}`)
    return row?.count ?? 0
  }
  await send(500)
  const first = await startCliMonitor(servers.env, servers.databaseUrl)
  await waitFor('the first 500', async () => (await countOf('monitor.message')) === 500)

  await database.transaction(async (connection) => {
    // The monitor's next batch waits for this lock, its transaction open and its messages unacked.
    await connection.query('lock table monitor.task in exclusive mode')
    await send(500)
    await waitFor('a batch in the middle', async () => {
      const rows = await database.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return rows.length > 0
    })
    await first.stop('SIGKILL')
  })
  expect(await countOf('monitor.message')).toBe(500)

  await startCliMonitor(servers.env, servers.databaseUrl)
  await waitFor('all 1,000', async () => (await countOf('monitor.message')) >= 1_000, PATIENCE)
  await waitFor('an empty platform queue', async () => {
    return (await app.broker().depth('platform.fifo')).messages === 0
  })
  expect(await countOf('monitor.message')).toBe(1_000)
  expect(await countOf('monitor.task')).toBe(1_000)
  expect(await countOf('monitor.quarantine')).toBe(0)
})

async function startCliMonitor(
  env: Readonly<Record<string, string>>,
  databaseUrl: string,
): Promise<Process> {
  const monitor = startCli(
    ['monitor', '--migrate', '--database', databaseUrl, '--batch-size', '100'],
    { env },
  )
  await monitor.waitForLine(/is recorded in/)
  return monitor
}
