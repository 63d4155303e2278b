import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import { embeddedApp, recordingLogger } from '../support/embedded-app.ts'

const consumersOf = async (app: CeleryApp): Promise<number | null> =>
  (await app.broker().depth('export')).consumers

test('a worker that is started twice consumes once, and stops once', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({}, { logger })
  const worker = app.worker()
  await Promise.all([worker.start(), worker.start()])
  expect(await consumersOf(app)).toBe(1)
  await Promise.all([worker.stop(), worker.stop()])
  await worker.stop()
  await worker.ended
  expect(await consumersOf(app)).toBe(0)
  const sentences = logger.lines.map(({ sentence }) => sentence)
  expect(sentences.filter((sentence) => sentence.startsWith('worker '))).toEqual([
    'worker ready',
    'worker stopping',
    'worker stopped',
  ])
})

test('a worker that is stopped during its start takes nothing afterwards', async () => {
  const app = embeddedApp()
  const opened = deferred()
  const results = app.results.bind(app)
  app.results = async () => {
    await opened.promise
    return await results()
  }
  const worker = app.worker()
  const starting = worker.start()
  const stopping = worker.stop()
  opened.resolve()
  await expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
  await stopping
  expect(await consumersOf(app)).toBe(0)
})

test('tasks that a start took before it was cut short are given back', async () => {
  const app = embeddedApp({ task_acks_late: true })
  const begun = deferred()
  const task = app.task('export.endless', () => {
    begun.resolve()
    return new Promise(() => undefined)
  })
  await task.delay()
  const { waiting } = app
  const vault = deferred<undefined>()
  waiting.dispatcher = async () => await vault.promise
  const worker = app.worker()
  const starting = worker.start()
  await begun.promise
  const stopping = worker.stop({ graceMs: 0 })
  vault.resolve(undefined)
  await expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
  await stopping
  expect(await app.broker().depth('export')).toMatchObject({ messages: 1, consumers: 0 })
})

test('a worker whose start has failed has given everything back', async () => {
  const app = embeddedApp()
  app.waiting.dispatcher = async () => await Promise.reject(new Error('no vault'))
  const worker = app.worker()
  await expect(worker.start()).rejects.toThrow('no vault')
  expect(await consumersOf(app)).toBe(0)
  await worker.stop()
  await worker.ended
})

test('a worker that was never started stops at once, and starts no more', async () => {
  const app = embeddedApp()
  const worker = app.worker()
  await worker.stop()
  await worker.ended
  await expect(worker.start()).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
})
