import { randomUUID } from 'node:crypto'
import celery from 'celery-node'
import { expect, onTestFinished, test } from 'vitest'
import { createWorker, useToolbox } from '../../src/celery-node/index.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import { Config } from '../../src/config/config.ts'
import { TaskFailedError } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import { sorted } from '../support/sorted.ts'

const ALONE = { dotenv: false, environment: {} } as const

test('one line in front of the package equips all that it makes', async () => {
  const { client } = await startedPair((worker) => {
    worker.register('tasks.add', (a: number, b: number) => a + b)
  })
  expect(await client.createTask('tasks.add').applyAsync([1, 2]).get(5000)).toBe(3)
})

test('keyword arguments come last; where there are none, defaults and rests stay what they are', async () => {
  const { client } = await startedPair((worker) => {
    worker.register('tasks.default', (a: number, b = 10) => a + b)
    worker.register('tasks.rest', (...all: number[]) => all.length)
    worker.register('tasks.named', (a: number, kwargs: { b?: number }) => a + (kwargs.b ?? 0))
  })
  const call = async (name: string, args: unknown[], kwargs = {}): Promise<unknown> =>
    await client.createTask(name).applyAsync(args, kwargs).get(5000)
  expect(await call('tasks.default', [1])).toBe(11)
  expect(await call('tasks.rest', [1, 2])).toBe(2)
  expect(await call('tasks.named', [1])).toBe(1)
  expect(await call('tasks.named', [1], { b: 2 })).toBe(3)
})

test('what was registered before is called as celery.node calls it', async () => {
  const name = randomUUID()
  const plain = celery.createWorker('amqp://', 'amqp://', 'celery')
  plain.register('tasks.count', (...all: unknown[]) => all.length)
  const worker = useToolbox(plain, settings(name), { logger: silentLogger })
  onTestFinished(() => worker.disconnect())
  await worker.start()
  const client = useToolbox(celery.createClient(), settings(name), { logger: silentLogger })
  onTestFinished(() => client.disconnect())
  expect(await client.createTask('tasks.count').delay(1, 2).get(5000)).toBe(3)
})

test('a failure has the exception and the traceback, a success has no traceback', async () => {
  const { client } = await startedPair((worker) => {
    worker.register('tasks.fail', () => {
      throw new RangeError('too far')
    })
    worker.register('tasks.fine', () => 'fine')
  })
  const failed = client.createTask('tasks.fail').delay()
  await expect(failed.get(5000)).rejects.toMatchObject({
    message: 'FAILURE',
    exc_type: 'RangeError',
    exc_message: ['too far'],
    cause: expect.any(TaskFailedError),
  })
  const fine = client.createTask('tasks.fine').delay()
  await fine.get(5000)
  expect(await client.backend.getTaskMeta(fine.taskId)).toMatchObject({
    status: 'SUCCESS',
    result: 'fine',
    traceback: null,
  })
  expect(await client.backend.getTaskMeta(failed.taskId)).toMatchObject({
    status: 'FAILURE',
    traceback: expect.stringContaining('too far'),
  })
})

test('an unknown task, a compressed body and a pickled one leave the worker at work', async () => {
  const { client } = await startedPair((worker) => {
    worker.register('tasks.add', (a: number, b: number) => a + b)
  })
  const route = { exchange: 'task_exchange', routingKey: 'celery' }
  client.createTask('tasks.unknown').delay()
  const compressed = await client.app.sendTask(
    'tasks.add',
    [1, 2],
    {},
    { ...route, compression: 'zlib' },
  )
  const pickled = Buffer.from('gASVCgAAAAAAAABdlChLAUsCZS4=', 'base64')
  const broker = await client.app.readyBroker()
  await broker.publish(
    {
      body: pickled,
      headers: { task: 'tasks.add', id: randomUUID(), lang: 'py' },
      properties: { contentType: 'application/x-python-serialize', contentEncoding: 'binary' },
    } as never, // as far as a broker looks
    route,
  )
  expect(await compressed.get({ timeoutMs: 5000 })).toBe(3)
  expect(await client.createTask('tasks.add').delay(3, 4).get(5000)).toBe(7)
})

test('countdown, expiry, chains and revokes of other clients are obeyed', async () => {
  const runs: string[] = []
  const { client } = await startedPair((worker) => {
    worker.register('tasks.note', (text: string) => {
      runs.push(text)
      return text
    })
    worker.register('tasks.shout', (text: string) => `${text}!`)
  })
  const route = { exchange: 'task_exchange', routingKey: 'celery' }
  const note = async (text: string, options: object) =>
    await client.app.sendTask('tasks.note', [text], {}, { ...route, ...options })
  const startedAt = Date.now()
  const later = await note('later', { countdown: 0.5 })
  const expired = await note('expired', { countdown: 0.2, expires: 0.1 })
  const revoked = await note('revoked', { countdown: 2 })
  await revoked.revoke({ wait: true, timeoutMs: 500 })
  const { app } = client
  const chained = await chain(
    app.signature('tasks.note', ['first'], {}, route),
    app.signature('tasks.shout', [], {}, route),
  ).applyAsync()
  expect(await chained.get({ timeoutMs: 20_000 })).toBe('first!')
  await later.get({ timeoutMs: 20_000 })
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(500)
  await expect(expired.get({ timeoutMs: 20_000 })).rejects.toThrow(/expired/i)
  await expect(revoked.get({ timeoutMs: 20_000 })).rejects.toThrow(/revoked/i)
  expect(sorted(runs)).toEqual(['first', 'later'])
})

test('the worker answers remote control', async () => {
  const { client } = await startedPair(() => undefined)
  const pongs = await client.app.control.inspect({ timeoutMs: 500 }).ping()
  expect(Object.keys(pongs).join()).toMatch(/^celery-node-\d+/)
})

test('a result that is never stored ends with TIMEOUT, and its status is null', async () => {
  const { client } = await startedPair(() => undefined)
  const result = client.asyncResult(randomUUID())
  await expect(result.get(50)).rejects.toThrow(/^TIMEOUT$/)
  expect(await result.status()).toBe(null)
})

test('a whole config is taken as it is, and its queues are chosen by the names of tasks', async () => {
  const config = new Config({ ...settings(randomUUID()), queues: ['export'] })
  const worker = createWorker('amqp://', 'amqp://', 'celery', { config, logger: silentLogger })
  onTestFinished(() => worker.disconnect())
  worker.register('export.add', (a: number, b: number) => a + b)
  await worker.start()
  const client = useToolbox(celery.createClient(), config, { logger: silentLogger })
  onTestFinished(() => client.disconnect())
  expect(await client.createTask('export.add').delay(1, 2).get(5000)).toBe(3)
  await expect(client.createTask('other.add').delay(1, 2).get(5000)).rejects.toThrow(
    /reaches no work queue/,
  )
})

test('what is no client and no worker is refused', () => {
  expect(() => useToolbox({} as never)).toThrow(/expected a client, a worker or the package/)
})

interface Registry {
  register(name: string, handler: (...args: never[]) => unknown): void
}

/** A started worker and a client of the real package, in memory. */
async function startedPair(registerTasks: (worker: Registry) => void) {
  const equipped = useToolbox(celery, settings(randomUUID()), { logger: silentLogger })
  const worker = equipped.createWorker()
  onTestFinished(() => worker.disconnect())
  registerTasks(worker)
  await worker.start()
  const client = equipped.createClient()
  onTestFinished(() => client.disconnect())
  return { worker, client }
}

function settings(name: string): ConfigOptions {
  return { ...ALONE, broker_url: `memory://${name}`, result_backend: `memory://${name}` }
}
