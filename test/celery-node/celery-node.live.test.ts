import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { createClient, createWorker } from '../../src/celery-node/index.ts'
import { recordingLogger } from '../support/embedded-app.ts'
import { runPythonJson } from '../support/python-celery.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'
import { nodeClient, nodeWorker } from './peers.ts'

const PYTHONPATH = join(import.meta.dirname, '../interop/python')

test('the examples of celery.node run with the toolbox behind them', async () => {
  const { url } = await freshVhost()
  const worker = nodeWorker(url)
  worker.register('tasks.add', (a: number, b: number) => a + b)
  worker.start()
  const client = nodeClient(url)
  const task = client.createTask('tasks.add')
  const result = task.applyAsync([1, 2])
  expect(await result.get(20_000)).toBe(3)
  expect(await task.delay(2, 3).get(20_000)).toBe(5)
  expect(await result.status()).toBe('SUCCESS')
  expect(await client.asyncResult(result.taskId).result()).toBe(3)
})

test('protocol 1 is spoken where TASK_PROTOCOL says so', async () => {
  const { url } = await freshVhost()
  const client = nodeClient(url)
  client.conf.TASK_PROTOCOL = 1
  const worker = nodeWorker(url)
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  expect(await client.createTask('tasks.add').delay(1, 2).get(20_000)).toBe(3)
  expect(client.app.config.task_protocol).toBe(1)
})

test('createClient and createWorker of the toolbox stand in for the package', async () => {
  const { url } = await freshVhost()
  const redis = service('REDIS_URL')
  const config = { dotenv: false, environment: {} } as const
  await using worker = createWorker(url, redis, 'celery', { config })
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  await using client = createClient(url, redis, 'celery', { config })
  expect(await client.createTask('tasks.add').applyAsync([1, 2]).get(20_000)).toBe(3)
})

test('every call is copied to the platform queue', async () => {
  const { url, rabbitmqctl } = await freshVhost()
  const client = nodeClient(url)
  client.createTask('tasks.add').delay(1, 2)
  await client.disconnect()
  const counts = await waitFor('both copies', async () => {
    const lines = await rabbitmqctl('list_queues', 'name', 'messages', '--silent')
    return lines.includes('platform.fifo\t1') && lines
  })
  expect(counts).toContain('celery\t1')
})

test('without a stray exchange: beside a plain Celery nothing is declared but what Celery has', async () => {
  const { url, rabbitmqctl } = await freshVhost()
  const client = nodeClient(url, { settings: { TOPOLOGY: 'celery', MIRROR: false } })
  client.createTask('tasks.add').delay(1, 2)
  await client.disconnect()
  const exchanges = await rabbitmqctl('list_exchanges', 'name', '--silent')
  expect(exchanges.split('\n')).not.toContain('default')
  expect(await rabbitmqctl('list_queues', 'name', '--silent')).toBe('celery\n')
})

test('a client says what it could not publish where the result is asked for, and the process goes on', async () => {
  const log = recordingLogger()
  const settings = { broker_connection_timeout: 1, task_publish_retry: false }
  const client = nodeClient('amqp://127.0.0.1:1', { settings, logger: log })
  const result = client.createTask('tasks.add').delay(1, 2)
  await expect(result.get(5000)).rejects.toThrow(/127\.0\.0\.1:1/)
  await expect(client.isReady()).rejects.toThrow(/127\.0\.0\.1:1/)
  expect(log.lines.map(({ sentence }) => sentence)).toContain('call not published')
})

test('a client and a worker go on after their connections were closed', async () => {
  const vhost = await freshVhost()
  const worker = nodeWorker(vhost.url)
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  const client = nodeClient(vhost.url)
  const task = client.createTask('tasks.add')
  expect(await task.delay(1, 2).get(20_000)).toBe(3)
  await vhost.closeConnections()
  expect(await task.delay(3, 4).get(20_000)).toBe(7)
})

test('a worker consumes again after its queue was deleted', async () => {
  const vhost = await freshVhost()
  const worker = nodeWorker(vhost.url)
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  await vhost.rabbitmqctl('delete_queue', 'celery')
  await waitFor('the queue', async () =>
    (await vhost.rabbitmqctl('list_consumers', 'queue_name')).includes('celery'),
  )
  const client = nodeClient(vhost.url)
  expect(await client.createTask('tasks.add').delay(1, 2).get(20_000)).toBe(3)
})

test('a worker and a client take a queue with arguments of its own as the settings describe it', async () => {
  const vhost = await freshVhost()
  const settings = { task_queue_max_priority: 9 }
  const worker = nodeWorker(vhost.url, { settings })
  worker.register('tasks.add', (a: number, b: number) => a + b)
  await worker.start()
  await expect(nodeWorker(vhost.url).start()).rejects.toThrow(/it exists with x-max-priority '9'/)
  const client = nodeClient(vhost.url, { settings })
  expect(await client.createTask('tasks.add').delay(1, 2).get(20_000)).toBe(3)
})

test('a worker takes no more than it runs, and acknowledges after the run', async () => {
  const vhost = await freshVhost()
  const worker = nodeWorker(vhost.url, {
    settings: { worker_concurrency: 1, worker_prefetch_multiplier: 1 },
  })
  const held = deferred()
  onTestFinished(() => held.resolve())
  worker.register('tasks.hold', () => held.promise)
  await worker.start()
  const client = nodeClient(vhost.url)
  for (let n = 0; n < 5; n += 1) client.createTask('tasks.hold').delay()
  const line = await waitFor('one taken', async () => {
    const queues = await vhost.rabbitmqctl(
      'list_queues',
      'name',
      'messages_ready',
      'messages_unacknowledged',
      '--silent',
    )
    return queues.split('\n').find((each) => /^celery\t\d+\t1$/.test(each))
  })
  expect(line).toBe('celery\t4\t1')
  held.resolve()
})

test('Python gets values and errors of a worker, and calls it with keyword arguments', async () => {
  const { url } = await freshVhost()
  const worker = nodeWorker(url, { settings: { TOPOLOGY: 'celery', MIRROR: false } })
  worker.register('tasks.add', (a: number, b: number, { plus = 0 } = {}) => a + b + plus)
  worker.register('tasks.fail', () => {
    throw new RangeError('too far')
  })
  await worker.start()
  const program = `
import json
from plain_app import app
add = app.send_task('tasks.add', (2, 3), {'plus': 10}, compression='zlib').get(timeout=30)
failed = app.send_task('tasks.fail')
try:
    failed.get(timeout=30)
except Exception as error:
    print(json.dumps([add, type(error).__name__, str(error), 'RangeError' in (failed.traceback or '')]))
`
  const env = { AMQP_URL: url, CELERY_RESULT_BACKEND: service('REDIS_URL'), PYTHONPATH }
  expect(await runPythonJson(program, { env })).toEqual([15, 'RangeError', 'too far', true])
})

test('stop() ends what runs, then lets the process end; the next start connects again', async () => {
  const { url } = await freshVhost()
  const worker = nodeWorker(url)
  let ended = 0
  const started = deferred()
  worker.register('tasks.slow', async () => {
    started.resolve()
    await new Promise((resolve) => setTimeout(resolve, 200))
    ended += 1
  })
  await worker.start()
  const client = nodeClient(url)
  client.createTask('tasks.slow').delay()
  await started.promise
  expect(worker.activeTasks.size).toBe(1)
  await worker.stop()
  expect(ended).toBe(1)
  expect(worker.activeTasks.size).toBe(0)
  await worker.start()
  expect(await client.createTask('tasks.slow').delay().get(20_000)).toBe(null)
})
