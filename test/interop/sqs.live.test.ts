import { expect, test } from 'vitest'
import { openEnvelope } from '../../src/brokers/sqs/messages/envelope.ts'
import { chain, chord } from '../../src/tasks/canvas/canvas.ts'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory } from '../support/live-app.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { sorted } from '../support/sorted.ts'
import { freshSqsPlace, monitoredSqs, readyIn, sqsApp } from '../support/sqs-app.ts'
import { waitFor } from '../support/wait-for.ts'

test('on SQS, what Node and Python publish runs in both, and is one history', async () => {
  const place = await freshSqsPlace()
  const database = await monitoredSqs(place)
  const app = sqsApp(place)
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
  const place = await freshSqsPlace()
  const sent = await runPythonJson<string[]>(FROM_A_POOL, { env: place.env })
  expect(sent).toHaveLength(12)
  const mirror = await waitFor('the copies', () => {
    const ready = readyIn(place, 'platform.fifo')
    return ready.length === 12 && ready
  })
  expect(readyIn(place, 'export')).toHaveLength(12)
  expect(sorted(mirror.map(({ messageGroupId }) => String(messageGroupId)))).toEqual(sorted(sent))
  expect(
    sorted(mirror.map(({ messageDeduplicationId }) => String(messageDeduplicationId))),
  ).toEqual(sorted(sent.map((id) => `${id}-0-task`)))
}, 60_000)

test('a retry in Python keeps the fairness key of a call from Node', async () => {
  const place = await freshSqsPlace()
  const app = sqsApp(place)
  await startPythonWorker({ env: place.env, queues: ['python'] })
  const call = await app
    .signature('python.flaky', [1])
    .set({ fairnessKey: 'tenant-7' })
    .applyAsync()
  expect(await call.get({ timeoutMs: 30_000 })).toBe(1)
  const groups = readyIn(place, 'platform.fifo').map(({ body, messageGroupId }) => [
    openEnvelope(body, '').message.headers.retries,
    messageGroupId,
  ])
  // kombu sends one set of properties to all queues, so that the mirror's copy has this group, too.
  expect(groups).toEqual([
    [0, call.id],
    [1, 'tenant-7'],
  ])
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
