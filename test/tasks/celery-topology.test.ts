import { expect, onTestFinished, test } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import { buildFunctionalTests } from '../../src/tasks/app/functional-tests.ts'
import { makeConfig, problemsOf } from '../config/make-config.ts'
import { embeddedApp } from '../support/embedded-app.ts'

const PLAIN: ConfigOptions = { TOPOLOGY: 'celery', queues: ['celery'] }

test('the topology is that of a plain Celery: the queue celery on a direct exchange of its name', () => {
  const { exchanges, queues, bindings } = makeConfig(PLAIN).topology()
  expect(exchanges.map(({ name, type, durable }) => [name, type, durable])).toEqual([
    ['celery', 'direct', true],
  ])
  expect(queues.map(({ name, durable, arguments: args }) => [name, durable, args])).toEqual([
    ['celery', true, {}],
  ])
  expect(bindings).toEqual([{ exchange: 'celery', queue: 'celery', routingKey: 'celery' }])
})

test('every other queue has a direct exchange of its own, as -Q gives it in Celery', () => {
  const config = makeConfig({ TOPOLOGY: 'celery', queues: ['export', 'msg'] })
  expect(config.topology().bindings).toEqual([
    { exchange: 'celery', queue: 'celery', routingKey: 'celery' },
    { exchange: 'export', queue: 'export', routingKey: 'export' },
    { exchange: 'msg', queue: 'msg', routingKey: 'msg' },
  ])
  expect(config.consumedQueues()).toEqual(['export', 'msg'])
})

test('without queues it is the default queue, and no warning', () => {
  const warnings: string[] = []
  const config = makeConfig({
    TOPOLOGY: 'celery',
    queues: undefined,
    task_default_queue: 'main',
    warn: (sentence) => warnings.push(sentence),
  })
  expect(config.consumedQueues()).toEqual(['main'])
  expect(config.topology().exchanges.map(({ name }) => name)).toEqual(['main'])
  expect(warnings).toEqual([])
})

test('an unknown topology names those there are', () => {
  expect(problemsOf({ TOPOLOGY: 'kombu' as 'celery' })).toEqual([
    "TOPOLOGY: 'kombu' does not fit, expected 'mirrored' or 'celery'",
  ])
})

test('a call goes to the default queue, and its exact copy to the platform queue', async () => {
  const app = embeddedApp(PLAIN)
  const sent = await app.sendTask('python.add', [2, 3])
  const worked = await app.broker().get('celery')
  const copied = await app.broker().get('platform.fifo')
  expect(worked?.route).toEqual({ exchange: '', routingKey: 'celery' })
  expect(worked?.message.headers.id).toBe(sent.id)
  expect(copied?.message).toEqual(worked?.message)
  expect(copied?.route).toEqual(worked?.route)
})

test('a task whose first part names one of the queues goes there', async () => {
  const app = embeddedApp({ TOPOLOGY: 'celery', queues: ['export'] })
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await add.delay(1, 2)
  await app.sendTask('python.add', [1, 2])
  expect((await app.broker().depth('export')).messages).toBe(1)
  expect((await app.broker().depth('celery')).messages).toBe(1)
  expect((await app.broker().depth('platform.fifo')).messages).toBe(2)
})

test('a queue that only a call names is declared as Celery would declare it', async () => {
  const app = embeddedApp(PLAIN)
  await app.sendTask('python.add', [], {}, { queue: 'slow' })
  expect((await app.broker().depth('slow')).messages).toBe(1)
  expect((await app.broker().depth('platform.fifo')).messages).toBe(1)
})

test('nothing is declared for the monitor until a call is made', async () => {
  const app = embeddedApp(PLAIN)
  await app.setUp()
  await expect(app.broker().depth('platform.fifo')).rejects.toThrow(/platform.fifo/)
})

test('without MIRROR no copy is made, in either topology', async () => {
  for (const topology of ['celery', 'mirrored'] as const) {
    const app = embeddedApp({ TOPOLOGY: topology, queues: ['celery'], MIRROR: false })
    await app.sendTask('celery.add')
    expect((await app.broker().depth('celery')).messages).toBe(1)
    await expect(app.broker().depth('platform.fifo')).rejects.toThrow(/platform.fifo/)
  }
})

test('a task of another worker goes back to the shared queue, and is not kept aside', async () => {
  const app = embeddedApp(PLAIN)
  app.task('ours.add', (x: number, y: number) => x + y)
  const theirs = await app.sendTask('python.add', [1, 2])
  const ours = await app.sendTask<number>('ours.add', [2, 3])
  const worker = app.worker()
  await worker.start()
  expect(await ours.get({ timeoutMs: 5_000 })).toBe(5)
  await worker.stop()
  const left = await app.broker().get('celery')
  expect(left?.message.headers.id).toBe(theirs.id)
  await expect(app.broker().depth('dlq.celery')).rejects.toThrow(/dlq.celery/)
})

test('a retry is mirrored as well', async () => {
  const app = embeddedApp(PLAIN)
  const flaky = app.task('ours.flaky', { bind: true, defaultRetryDelay: 0 }, (self) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
    return self.request.retries
  })
  const worker = app.worker()
  await worker.start()
  onTestFinished(() => worker.stop())
  const result = await flaky.delay()
  expect(await result.get({ timeoutMs: 5_000 })).toBe(1)
  const copies: unknown[] = []
  for (;;) {
    const copy = await app.broker().get('platform.fifo')
    if (copy === undefined) break
    if (copy.message.headers.id === result.id) copies.push(copy.message.headers.retries)
  }
  expect(copies).toEqual([0, 1])
})

test('the functional tests hold for both topologies, with a monitor and without', () => {
  for (const settings of [PLAIN, { MIRROR: false }, {}] as const) {
    for (const check of buildFunctionalTests(embeddedApp(settings))) check.run()
  }
})
