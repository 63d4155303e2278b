import { expect, test } from 'vitest'
import { APP } from '../cli/cli-space.ts'
import { freePort } from '../support/free-port.ts'
import { freshServers, keepAccounts, liveApp, migratedDatabase } from '../support/live-app.ts'
import { startCli } from '../support/processes.ts'
import { waitFor } from '../support/wait-for.ts'

test('a monitor and a worker serve their health and metrics while tasks run', async () => {
  const servers = await freshServers(['export'])
  const port = await freePort()
  const monitor = startCli(['monitor', '--migrate', '--health-port', String(port)], {
    env: servers.env,
  })
  await waitFor('the monitor to be ready', async () => (await ask(port, '/readyz')) === 'ok\n')
  keepAccounts(servers, await migratedDatabase(servers.databaseUrl))
  const workerPort = await freePort()
  const worker = startCli(
    ['worker', '-A', APP, '-E', '-n', 'tested@%h', '--health-port', `127.0.0.1:${workerPort}`],
    { env: servers.env },
  )
  await waitFor('the worker to be ready', async () => (await ask(workerPort, '/readyz')) === 'ok\n')
  const app = liveApp(servers)
  const results = [
    await app.sendTask('export.add', [1, 2]),
    await app.sendTask('export.add', [3, 4]),
    await app.sendTask('export.fail', ['no ink']),
  ]
  await Promise.allSettled(results.map((result) => result.get({ timeoutMs: 20_000 })))
  const finished = 'celery_toolbox_tasks_finished_total'
  const metrics = await waitFor('all tasks in the metrics', async () => {
    const text = await ask(port, '/metrics')
    const isIdle = text.includes('celery_toolbox_queue_oldest_seconds{queue="export"} 0\n')
    return isIdle && text.includes(`${finished}{task="export.fail",state="FAILURE"} 1`) && text
  })
  for (const line of [
    `${finished}{task="export.add",state="SUCCESS"} 2`,
    'celery_toolbox_task_run_seconds_count{task="export.add"} 2',
    'celery_toolbox_task_wait_seconds_count{task="export.add"} 2',
    'celery_toolbox_queue_consumers{queue="platform.fifo"} 1',
    'celery_toolbox_queue_consumers{queue="export"} 1',
    'celery_toolbox_queue_messages{queue="celeryev.celery-toolbox"} 0',
    'celery_toolbox_monitor_database_up 1',
    'celery_toolbox_quarantined_messages 0',
    'celery_toolbox_workers 1',
  ]) {
    expect(metrics.split('\n')).toContain(line)
  }
  expect(metrics).toMatch(/^celery_toolbox_monitor_messages_total\{outcome="recorded"\} [1-9]/m)
  expect(metrics).not.toMatch(/^celery_toolbox_collect_failures_total\{/m)
  expect(await ask(workerPort, '/metrics')).toContain(
    'celery_toolbox_worker_runs_total{task="export.add",outcome="success"} 2',
  )
  expect(await worker.stop()).toEqual({ code: 0, signal: null })
  await app.sendTask('export.add', [1, 2])
  await waitFor('what waits', async () =>
    /^celery_toolbox_queue_oldest_seconds\{queue="export"\} (?!0$)/m.test(
      await ask(port, '/metrics'),
    ),
  )
  expect(await monitor.stop()).toEqual({ code: 0, signal: null })
})

async function ask(port: number, path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}${path}`)).text()
}
