import { expect, test } from 'vitest'
import type { Broker } from '../../src/brokers/broker.ts'
import type { Route } from '../../src/protocol/message.ts'
import { startWorker } from '../support/embedded-app.ts'
import {
  finishedHistory,
  freshServers,
  liveApp,
  type Servers,
  startMonitor,
} from '../support/live-app.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'

const QUORUM = { task_default_queue_type: 'quorum' } as const
const WAIT = { timeoutMs: 20_000 }

test('a delayed call of Python is held by the broker, mirrored at once, and run here when it is due', async () => {
  const servers = await freshServers()
  const app = liveApp(servers, QUORUM)
  app.task('export.now', () => Date.now() / 1_000)
  await startWorker(app)
  const answer = await runPythonJson<{ sentAt: number; ranAt: number; id: string }>(
    `
import json, time, quorum_app
app = quorum_app.setup()
sent_at = time.time()
result = app.send_task('export.now', countdown=2)
print(json.dumps({'sentAt': sent_at, 'ranAt': result.get(timeout=20), 'id': result.id}))`,
    { env: servers.env },
  )
  const waited = answer.ranAt - answer.sentAt
  expect(waited).toBeGreaterThanOrEqual(2)
  expect(waited).toBeLessThan(12) // on a busy machine; the level above this one waits as long again, and more
  expect(await mirroredBy(app.broker(), answer.id)).toEqual([
    { exchange: 'celery_delayed_27', routingKey: `${bits(2)}.export` },
    { exchange: 'celery_delayed_0', routingKey: `${bits(2)}.export` },
  ])
})

test('a delayed call from here is held by the broker, mirrored at once, and run by Python when it is due', async () => {
  const servers = await freshServers()
  const app = liveApp(servers, QUORUM)
  await startPythonWorker({ app: 'quorum_app', env: servers.env })
  await app.setUp()
  const sentAt = Date.now() / 1_000
  const result = await app.sendTask<number>('python.now', [], {}, { countdown: 3 })
  expect((await app.broker().depth('python')).messages).toBe(0)
  const waited = (await result.get(WAIT)) - sentAt
  expect(waited).toBeGreaterThanOrEqual(3)
  expect(waited).toBeLessThan(12)
  expect(await mirroredBy(app.broker(), result.id)).toEqual([
    { exchange: 'celery_delayed_27', routingKey: `${bits(3)}.python` },
    { exchange: 'celery_delayed_delivery', routingKey: `${bits(3)}.python` },
  ])
})

test.each([
  ['quorum', 'Python'],
  ['quorum', 'Node'],
  ['classic', 'Node'],
] as const)('%s levels are declared alike by Python and Node, %s first', async (type, first) => {
  const servers = await freshServers()
  const app = liveApp(servers, { ...QUORUM, broker_native_delayed_delivery_queue_type: type })
  if (first === 'Node') await app.setUp()
  const worker = await startPythonWorker({
    app: 'quorum_app',
    env: { ...servers.env, DELAY_QUEUE_TYPE: type },
  })
  const declared = await delayTopology(servers)
  await app.setUp()
  expect(`${worker.stdout}${worker.stderr}`).not.toMatch(/PRECONDITION|Failed to/)
  expect(declared.filter((line) => line.startsWith('queue'))).toHaveLength(28)
  const isForMirror = (line: string): boolean => /celery_delayed_27\s+platform/.test(line)
  const after = await delayTopology(servers)
  expect(after.filter(isForMirror)).toHaveLength(1)
  expect(after.filter((line) => !isForMirror(line))).toEqual(
    declared.filter((line) => !isForMirror(line)),
  )
})

test('levels of another type are refused by name, saying what exists and what was asked', async () => {
  const servers = await freshServers()
  await liveApp(servers, {
    ...QUORUM,
    broker_native_delayed_delivery_queue_type: 'classic',
  }).setUp()
  await expect(liveApp(servers, QUORUM).setUp()).rejects.toMatchObject({
    code: 'DECLARE_REFUSED',
    message: expect.stringMatching(/queue "celery_delayed_27".*x-queue-type.*quorum/),
  })
})

test('the setting holds messages of classic queues in the broker too', async () => {
  const servers = await freshServers()
  const app = liveApp(servers, {
    NATIVE_DELAYED_DELIVERY: true,
    broker_native_delayed_delivery_queue_type: 'classic',
  })
  app.task('export.now', () => Date.now())
  await startWorker(app)
  const sentAt = Date.now()
  const result = await app.sendTask<number>('export.now', [], {}, { countdown: 1 })
  expect(await result.get(WAIT)).toBeGreaterThanOrEqual(sentAt + 1_000)
  expect(await mirroredBy(app.broker(), result.id)).toHaveLength(2)
})

test('the monitor has a delayed task before it is due, and as one task afterwards', async () => {
  const servers = await freshServers()
  const database = await startMonitor(servers)
  const app = liveApp(servers, { NATIVE_DELAYED_DELIVERY: true })
  app.task('export.add', (x: number, y: number) => x + y)
  await app.setUp()
  const { id } = await app.sendTask('export.add', [2, 3], {}, { countdown: 3 })
  const rows = async (): Promise<readonly Row[]> =>
    await database.query<Row>(
      'select status, queue, published_at, eta from monitor.task_history where task_id = $1',
      [id],
    )
  const [before] = await waitFor('the first copy', async () => {
    const found = await rows()
    return found.length > 0 && found
  })
  expect(before).toMatchObject({ status: 'SCHEDULED', queue: 'export' })
  await startWorker(app)
  await finishedHistory(database, [id])
  await waitFor('the second copy', async () => {
    const [counted] = await database.query<{ copies: number }>(
      'select count(*)::int as copies from monitor.message',
    )
    return counted?.copies === 2
  })
  expect(await rows()).toEqual([{ ...before, status: 'SUCCESS' }])
})

interface Row {
  readonly status: string
  readonly queue: string
  readonly published_at: Date
  readonly eta: Date
}

/** The routes by which the two copies of a delayed message came to the platform queue, in order. */
async function mirroredBy(broker: Broker, id: string): Promise<Route[]> {
  const routes: Route[] = []
  await waitFor('both copies', async () => {
    const delivery = await broker.get('platform.fifo')
    if (delivery?.message.headers.id === id) routes.push(delivery.route)
    await delivery?.ack()
    return routes.length === 2
  })
  return routes
}

/** What the virtual host has of native delayed delivery, a line each. */
async function delayTopology({ vhost }: Servers): Promise<string[]> {
  const queues = await vhost.rabbitmqctl('list_queues', 'name', 'arguments')
  const bindings = await vhost.rabbitmqctl(
    'list_bindings',
    'source_name',
    'destination_name',
    'destination_kind',
    'routing_key',
  )
  return [
    ...linesOf(queues).map((line) => `queue ${line}`),
    ...linesOf(bindings).map((line) => `binding ${line}`),
  ]
    .filter((line) => line.includes('celery_delayed'))
    .sort((one, other) => one.localeCompare(other))
}

function linesOf(output: string): string[] {
  return output.split('\n').filter((line) => line !== '')
}

function bits(seconds: number): string {
  return [...seconds.toString(2).padStart(28, '0')].join('.')
}
