import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { useToolbox } from '../../src/celery-node/index.ts'
import { Config } from '../../src/config/config.ts'
import { silentLogger } from '../../src/logger.ts'
import { startProcess } from '../support/processes.ts'
import { runPythonJson } from '../support/python-celery.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { service } from '../support/services.ts'
import { nodeClient, nodeWorker } from './peers.ts'

const PLAIN = join(import.meta.dirname, '../interop/python')
const LISTENER = join(import.meta.dirname, '../events/python/listen.py')
const BESIDE = { TOPOLOGY: 'celery', MIRROR: false } as const

test('a call that the broker refuses is reported where its result is asked for', async () => {
  const vhost = await freshVhost()
  const worker = nodeWorker(vhost.url)
  await worker.start()
  await worker.stop()
  const full = JSON.stringify({ 'max-length': 0, overflow: 'reject-publish' })
  await vhost.rabbitmqctl('set_policy', 'full', '^celery$', full, '--apply-to', 'queues')
  const client = nodeClient(vhost.url, { settings: { task_publish_retry: false } })
  await expect(client.createTask('tasks.add').delay(1, 2).get(10_000)).rejects.toThrow(/refused/)
})

test('a worker with a config takes from all of its queues, through the exchange of the toolbox', async () => {
  const vhost = await freshVhost()
  const settings = { broker_url: vhost.url, result_backend: service('REDIS_URL') }
  const config = new Config({ ...settings, queues: ['import', 'export'], dotenv: false })
  const worker = useToolbox((await celeryNode()).createWorker(), config, { logger: silentLogger })
  onTestFinished(() => worker.disconnect())
  worker.register('export.add', (a: number, b: number) => a + b)
  worker.register('import.subtract', (a: number, b: number) => a - b)
  await worker.start()
  const client = useToolbox((await celeryNode()).createClient(), config, { logger: silentLogger })
  onTestFinished(() => client.disconnect())
  expect(await client.createTask('export.add').delay(3, 2).get(20_000)).toBe(5)
  expect(await client.createTask('import.subtract').delay(3, 2).get(20_000)).toBe(1)
  const bindings = await vhost.rabbitmqctl(
    'list_bindings',
    'source_name',
    'routing_key',
    '--silent',
  )
  expect(bindings.split('\n')).toEqual(
    expect.arrayContaining(['task_exchange\texport', 'task_exchange\timport']),
  )
})

test('a message says all that Flower and Celery show of a call', async () => {
  const { url } = await freshVhost()
  const client = nodeClient(url, { settings: BESIDE })
  const result = client.createTask('tasks.add').applyAsync([2, 'x'], { plus: 1 })
  await client.disconnect()
  const headers = await runPythonJson<Record<string, unknown>>(
    `
import json, os
from kombu import Connection
with Connection(os.environ['AMQP_URL']) as connection:
    print(json.dumps(connection.SimpleQueue('celery').get(timeout=10).headers))
`,
    { env: { AMQP_URL: url } },
  )
  expect(headers).toMatchObject({
    lang: 'js',
    task: 'tasks.add',
    id: result.taskId,
    root_id: result.taskId,
    argsrepr: "(2, 'x')",
    kwargsrepr: "{'plus': 1}",
    origin: expect.stringMatching(/@/),
    retries: 0,
  })
})

test('a worker sends events, and answers what Celery asks', async () => {
  const { url } = await freshVhost()
  const listener = startProcess(service('PYTHON_CELERY'), [LISTENER], { env: { AMQP_URL: url } })
  await listener.waitForLine(/^listening$/m)
  const worker = nodeWorker(url, { settings: { ...BESIDE, worker_send_task_events: true } })
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  const client = nodeClient(url, { settings: BESIDE })
  const result = client.createTask('tasks.add').delay(2, 3)
  await result.get(20_000)
  const registered = await runPythonJson<Record<string, readonly string[]>>(
    `
import json
from plain_app import app
print(json.dumps(app.control.inspect(timeout=3).registered()))
`,
    { env: { AMQP_URL: url, CELERY_RESULT_BACKEND: service('REDIS_URL'), PYTHONPATH: PLAIN } },
  )
  expect(Object.values(registered)).toEqual([['tasks.add']])
  await worker.stop()
  await listener.exited
  const { tasks } = JSON.parse(listener.stdout.split('\n').at(-2) ?? '')
  expect(tasks[result.taskId]).toMatchObject({
    name: 'tasks.add',
    state: 'SUCCESS',
    args: '(2, 3)',
  })
})

test('results come when they are there, not at the next half second', async () => {
  const { url } = await freshVhost()
  const worker = nodeWorker(url)
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  const task = nodeClient(url).createTask('tasks.add')
  await task.delay(0, 0).get(20_000)
  const startedAt = Date.now()
  for (let n = 0; n < 10; n += 1) expect(await task.delay(n, 1).get(20_000)).toBe(n + 1)
  expect(Date.now() - startedAt).toBeLessThan(10 * 500)
})

test('headers of Python above and below 32 bits are read, and the worker goes on', async () => {
  const { url } = await freshVhost()
  const worker = nodeWorker(url, { settings: BESIDE })
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  const values = await runPythonJson(
    `
import json
from plain_app import app
sums = [app.send_task('tasks.add', (value, 1), headers={'sent_at': value}).get(timeout=20)
        for value in (2**31 - 1, 2**31, 2**32, 1764435741000, -2**31 - 1, -2**40)]
print(json.dumps(sums))
`,
    { env: { AMQP_URL: url, CELERY_RESULT_BACKEND: service('REDIS_URL'), PYTHONPATH: PLAIN } },
  )
  expect(values).toEqual([
    2 ** 31,
    2 ** 31 + 1,
    2 ** 32 + 1,
    1764435741001,
    -(2 ** 31),
    1 - 2 ** 40,
  ])
})

async function celeryNode() {
  return (await import('celery-node')).default
}
