import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { Config } from '../../src/config/config.ts'
import type { Database } from '../../src/database/database.ts'
import { eventTopology } from '../../src/monitor/events/event-topology.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { disagreements, Ledger } from '../support/ledger.ts'
import {
  finishedHistory,
  freshServers,
  liveApp,
  migratedDatabase,
  type Servers,
  startMonitor,
} from '../support/live-app.ts'
import { startPythonWorker } from '../support/python-celery.ts'
import { startBroker, stopBroker } from '../support/rabbitmqctl.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { Effects, startFaultWorker } from './fault-worker.ts'

const PATIENCE = { deadlineMs: 45_000 }
const AT_LEAST = 500
/** A minute of trying, in seconds as Celery counts them: longer than a broker takes to restart. */
const RETRY_POLICY = { maxRetries: 60, intervalStart: 1, intervalMax: 1 }

test('connections closed in the middle of 500 publishes and their running: every confirmed publish runs', async () => {
  const servers = await freshServers(['fault'])
  const { effects, flow } = await publishToWorker(servers)
  for (const portion of [100, 200, 300]) {
    await waitFor(`${portion} publishes`, () => flow.confirmed.size >= portion, PATIENCE)
    await servers.vhost.closeConnections()
  }
  await flow.stop()
  expect(flow.confirmed.size).toBeGreaterThanOrEqual(AT_LEAST)
  await waitFor('every task', () => missing(flow.confirmed, effects).length === 0, PATIENCE)
})

test('a broker stopped and started in the middle of 500 publishes and their running: every confirmed publish runs', async () => {
  const servers = await freshServers(['fault'])
  const { effects, flow } = await publishToWorker(servers)
  await waitFor('some publishes', () => flow.confirmed.size >= 100)
  await stopBroker()
  const before = flow.confirmed.size
  await startBroker()
  await waitFor('publishes after the restart', () => flow.confirmed.size > before, PATIENCE)
  await flow.stop()
  expect(flow.confirmed.size).toBeGreaterThanOrEqual(AT_LEAST)
  await waitFor('every task', () => missing(flow.confirmed, effects).length === 0, PATIENCE)
})

test('a broker restarted while events waited for a monitor: the end of each task is recorded all the same', async () => {
  const servers = await freshServers(['fault'])
  const app = liveApp(servers)
  const broker = await app.readyBroker()
  await broker.declare(eventTopology(app.config)) // as a monitor leaves it behind
  // The monitor reads no results in Redis: events alone tell how these end.
  const env = {
    CELERY_RESULT_BACKEND: service('REDIS_URL'),
    CELERY_WORKER_SEND_TASK_EVENTS: 'True',
  }
  const worker = await startFaultWorker(servers, new Effects(), { env })
  const calls = await Promise.all([1, 2, 3].map((n) => app.sendTask('fault.work', [n])))
  const ended = () => servers.ledger?.lines().filter(({ what }) => what === 'end').length
  await waitFor('the end of the tasks', () => ended() === calls.length)
  await worker.stop()
  await stopBroker()
  await startBroker()
  const history = await finishedHistory(
    await startMonitor(servers),
    calls.map(({ id }) => id),
  )
  expect(history.map((row) => row?.status)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS'])
})

test('a broker restarted while events of a Python worker waited for a monitor: a task that ran is in doubt, and not lost', async () => {
  const servers = await freshServers(['python'])
  const results = service('REDIS_URL')
  const app = liveApp(servers, { result_backend: results })
  const env = { ...servers.env, RESULT_BACKEND: results }
  await startPythonWorker({ env, queues: ['python'], args: ['-E'] })
  const database = await migratedDatabase(servers.databaseUrl)
  const known = await quickMonitor(servers, database)
  await waitFor(
    'a look at the queue and its worker',
    async () => (await coveredQueues(database)) === 1,
  )
  await finishedHistory(database, [(await app.sendTask('python.add', [0, 0])).id])
  await known.stop()
  const call = await app.sendTask('python.echo', [3])
  expect(await call.get({ timeoutMs: 20_000 })).toEqual({ args: [3], kwargs: {} })
  await stopBroker()
  await startBroker()
  await quickMonitor(servers, database)
  const [row] = await waitFor(
    'a verdict',
    async () => {
      const found = await database.query<{ status: string; reason: string }>(
        `select status, reason from monitor.task_history where task_id = $1 and status <> 'PENDING'`,
        [call.id],
      )
      return found.length > 0 && found
    },
    PATIENCE,
  )
  expect(row).toMatchObject({
    status: 'UNHEARD',
    reason: expect.stringContaining('RabbitMQ may have deleted the events of its worker'),
  })
  const ends = { 'python.echo': 'UNHEARD' }
  expect(await disagreements(database, servers.ledger ?? new Ledger(), { ends })).toEqual([])
})

async function quickMonitor(servers: Servers, database: Database): Promise<Monitor> {
  const broker = openBroker(servers.vhost)
  onTestFinished(() => broker.close())
  const config = new Config({
    queues: servers.queues,
    broker_url: servers.vhost.url,
    dotenv: false,
    environment: {},
  })
  const states = { reconcile: { everyMs: 300, graceMs: 1_000 } }
  const monitor = new Monitor({ broker, database, config, states })
  await monitor.start()
  onTestFinished(() => monitor.stop())
  return monitor
}

async function coveredQueues(database: Database): Promise<number | undefined> {
  const [row] = await database.query<{ covered: number }>(
    `select count(*)::integer as covered from monitor.queue
     where name = 'python' and covered_since is not null and exists (
       select from monitor.worker_process where software = 'py-celery' and 'python' = any (queues))`,
  )
  return row?.covered
}

function missing(confirmed: ReadonlySet<number>, effects: Effects): number[] {
  const ended = effects.of('end')
  return [...confirmed].filter((n) => !ended.has(n))
}

/** A worker in a process of its own, and a flow of calls that does not end before the faults do. */
async function publishToWorker(servers: Servers) {
  const effects = new Effects()
  await startFaultWorker(servers, effects)
  const app = liveApp(servers)
  const confirmed = new Set<number>()
  let isOver = false
  const publish = async (n: number): Promise<void> => {
    await app.sendTask('fault.work', [n], {}, { retryPolicy: RETRY_POLICY })
    confirmed.add(n)
  }
  const flowing = (async () => {
    for (let n = 0; !isOver || n < AT_LEAST; n += 5) {
      await Promise.all([n, n + 1, n + 2, n + 3, n + 4].map(publish))
      await wait(10)
    }
  })()
  flowing.catch(() => undefined) // stop() tells; a test that failed before does not ask
  const stop = async (): Promise<void> => {
    isOver = true
    await flowing
  }
  return { effects, flow: { confirmed, stop } }
}
