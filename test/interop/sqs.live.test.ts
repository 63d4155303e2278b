import { expect, onTestFinished, test } from 'vitest'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import { chain, chord } from '../../src/tasks/canvas/canvas.ts'
import { type SqsSpace, sqsSpace } from '../brokers/sqs/fauxqs.ts'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory, migratedDatabase } from '../support/live-app.ts'
import { freshDatabase } from '../support/postgres.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { waitFor } from '../support/wait-for.ts'

interface Place {
  readonly space: SqsSpace
  readonly databaseUrl: string
  readonly env: Readonly<Record<string, string>>
}

test('on SQS, what Node and Python publish runs in both, and is one history', async () => {
  const place = await freshPlace()
  const database = await monitored(place)
  const app = appOf(place)
  app.task('export.add', async (x: number, y: number) => x + y)
  const total = app.task('export.total', async (parts: number[]) => parts.reduce((x, y) => x + y))
  await startWorker(app, { queues: ['export', 'celery'] })
  await startPythonWorker({ env: place.env, queues: ['python'] })

  const fromNode = await app.sendTask('python.add', [2, 3])
  const mixed = await chain(
    app.signature('python.add', [1, 1]),
    app.signature('export.add', [5]),
  ).applyAsync()
  const joined = await chord(
    [app.signature('python.add', [1, 2]), app.signature('export.add', [3, 4])],
    total.s(),
  ).applyAsync()
  const fromPython = await runPythonJson<string>(
    'import json, toolbox_app\nprint(json.dumps(toolbox_app.app.send_task("export.add", (4, 5)).id))',
    { env: place.env },
  )
  expect(await fromNode.get({ timeoutMs: 30_000 })).toBe(5)
  expect(await mixed.get({ timeoutMs: 30_000 })).toBe(7)
  expect(await joined.get({ timeoutMs: 30_000 })).toBe(10)
  const ids = [fromNode.id, mixed.id, joined.id, fromPython]
  expect(await finishedHistory(database, ids)).toMatchObject([
    { name: 'python.add', status: 'SUCCESS', result: 5 },
    { name: 'export.add', status: 'SUCCESS', result: 7 },
    { name: 'export.total', status: 'SUCCESS', result: 10 },
    { name: 'export.add', status: 'SUCCESS', result: 9 },
  ])
}, 90_000)

test('Python publishes from a whole pool of connections and loses nothing; its ids are ours', async () => {
  const place = await freshPlace()
  const sent = await runPythonJson<string[]>(FROM_A_POOL, { env: place.env })
  expect(sent).toHaveLength(12)
  const mirror = await waitFor('the copies', () => {
    const ready = readyIn(place, 'platform.fifo')
    return ready.length === 12 && ready
  })
  expect(readyIn(place, 'export')).toHaveLength(12)
  expect(mirror.map(({ messageGroupId }) => messageGroupId).sort()).toEqual([...sent].sort())
  expect(mirror.map(({ messageDeduplicationId }) => messageDeduplicationId).sort()).toEqual(
    sent.map((id) => `${id}-0-task`).sort(),
  )
}, 60_000)

/** Four threads, each with a connection of its own while the others hold theirs. */
const FROM_A_POOL = `
import json, threading
from toolbox_app import app
app.conf.broker_pool_limit = 4
barrier, sent = threading.Barrier(4), []
def publish():
    with app.producer_pool.acquire(block=True) as producer:
        barrier.wait()
        for n in range(3):
            sent.append(app.send_task('export.add', (n, n), producer=producer).id)
threads = [threading.Thread(target=publish) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(sent))`

async function freshPlace(): Promise<Place> {
  const [space, databaseUrl] = await Promise.all([sqsSpace(), freshDatabase()])
  const options = {
    region: 'us-west-2',
    queue_name_prefix: space.prefix,
    is_secure: false,
    wait_time_seconds: 1,
    polling_interval: 0.1,
  }
  const env = {
    AMQP_URL: space.url,
    TRANSPORT_OPTIONS: JSON.stringify(options),
    DATABASE_URL: databaseUrl,
    QUEUES: 'export,python',
    AWS_DEFAULT_REGION: 'us-west-2',
  }
  return { space, databaseUrl, env }
}

function appOf({ space, databaseUrl }: Place, settings: Partial<ConfigOptions> = {}): CeleryApp {
  const config = new Config({
    queues: ['export', 'python'],
    QUEUE_PREFIX: space.prefix.slice(0, -1),
    broker_url: space.url,
    broker_transport_options: { wait_time_seconds: 1 },
    result_backend: databaseUrl.replace(/^postgres(?:ql)?:/, 'db+postgresql:'),
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config)
  onTestFinished(() => app.close())
  return app
}

async function monitored(place: Place): Promise<Database> {
  const database = await migratedDatabase(place.databaseUrl)
  const app = appOf(place)
  const monitor = new Monitor({ broker: app.broker(), database, config: app.config })
  await monitor.start()
  onTestFinished(() => monitor.stop())
  return database
}

function readyIn({ space }: Place, queue: string) {
  return space.server.inspectQueue(space.nameOf(queue))?.messages.ready ?? []
}
