import { expect, test } from 'vitest'
import { TaskError, UnroutableTaskError } from '../../src/errors.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { embeddedApp } from '../support/embedded-app.ts'

test('a call reaches its work queue and the platform queue, the same message in both', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const result = await add.delay(2, 3)
  const worked = await app.broker().get('export')
  const mirrored = await app.broker().get('platform.fifo')
  const request = decodeTask(mirrored?.message ?? fail(), ['json'])
  expect(request).toMatchObject({ id: result.id, task: 'export.add', args: [2, 3], kwargs: {} })
  expect(mirrored?.message.body).toEqual(worked?.message.body)
  expect(mirrored?.message.headers).toEqual(worked?.message.headers)
})

test('a task without a dot is routed by its whole name', async () => {
  const app = embeddedApp()
  await app.sendTask('export', [1])
  expect((await app.broker().depth('export')).messages).toBe(1)
})

test('a task whose routing key reaches no work queue is refused, and the queues are named', async () => {
  const app = embeddedApp()
  const refused = await app.sendTask('billing.pay', [1]).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(UnroutableTaskError)
  expect(refused).toMatchObject({
    code: 'TASK_UNROUTABLE',
    routingKey: 'billing',
    queues: ['celery', 'export'],
  })
  expect(String(refused)).toMatch(/"billing.pay".*"billing".*celery, export/)
  await app.setUp()
  expect((await app.broker().depth('platform.fifo')).messages).toBe(0)
})

test('the queue of a call must be one of the work queues', async () => {
  const app = embeddedApp()
  const refused = app.sendTask('export.add', [], {}, { queue: 'nowhere' })
  await expect(refused).rejects.toThrow(/"nowhere".*celery, export/)
})

test('the explicit queue of a call does not overrule the exchange and key of its route', async () => {
  const app = embeddedApp({ queues: ['export', 'msg'] })
  await app.sendTask('export.project', [], {}, { queue: 'msg' })
  expect((await app.broker().depth('export')).messages).toBe(1)
  expect((await app.broker().depth('msg')).messages).toBe(0)
})

test('what a call says for the record travels in headers, from a signature too, however it is spelled', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const owner = { creatorId: 7, relatedContentTypeId: 'project', relatedObjectId: 12 }
  await add.applyAsync([1, 2], { ...owner, isResult: true })
  await add.s(1, 2).set({ is_result: true, creatorId: 8, tenant: 'acme' }).applyAsync()
  await add.applyAsync([1, 2], { creatorId: 7, headers: { creator_id: 9 } })
  const headers = async () => (await app.broker().get('export'))?.message.headers
  expect(await headers()).toMatchObject({
    creator_id: 7,
    related_content_type_id: 'project',
    related_object_id: 12,
    is_result: true,
  })
  expect(await headers()).toMatchObject({ creator_id: 8, is_result: true, tenant: 'acme' })
  expect(await headers()).toMatchObject({ creator_id: 9 })
})

test('options of a call travel in its headers and properties', async () => {
  const app = embeddedApp()
  await app.sendTask(
    'export.pdf',
    ['a'],
    { b: 1 },
    {
      taskId: 'the-id',
      priority: 7,
      expires: 60,
      countdown: 30,
      timeLimit: 20,
      softTimeLimit: 10,
      headers: { tenant: 'acme' },
      ignoreResult: true,
    },
  )
  const { message } = (await app.broker().get('export')) ?? fail()
  expect(message.properties).toMatchObject({
    priority: 7,
    correlationId: 'the-id',
    expiration: '60000',
  })
  expect(message.headers).toMatchObject({
    id: 'the-id',
    root_id: 'the-id',
    parent_id: null,
    timelimit: [20, 10],
    ignore_result: true,
    tenant: 'acme',
    argsrepr: "('a',)",
    kwargsrepr: "{'b': 1}",
  })
  expect(message.headers.eta).toMatch(/^\d{4}-\d\d-\d\dT.*\+00:00$/)
})

test.each([
  [{ countdwon: 3 }, /no option "countdwon"/],
  [{ countdown: Number.NaN }, /countdown is NaN/],
  [{ priority: 256 }, /priority is 256/],
  [{ eta: 'tomorrow' }, /'tomorrow' is not a time/],
])('the wrong option %j is refused by name', async (options, message) => {
  const app = embeddedApp()
  await expect(app.sendTask('export.a', [], {}, options as CallOptions)).rejects.toThrow(message)
})

test.each([
  ['', /name/],
  ['export.twice', /already a task named "export.twice"/],
])('a task cannot be declared as "%s"', (name, message) => {
  const app = embeddedApp()
  app.task('export.twice', () => 1)
  expect(() => app.task(name, () => 2)).toThrow(message)
})

test('a wrong task option is named with its value and what was expected', () => {
  const app = embeddedApp()
  const declare = () => app.task('export.a', { maxRetries: -1 }, () => 1)
  expect(declare).toThrow(TaskError)
  expect(declare).toThrow(/maxRetries is -1, expected an integer/)
})

test('a closed app says so', async () => {
  const app = embeddedApp()
  await app.close()
  await expect(app.sendTask('export.a')).rejects.toMatchObject({ code: 'APP_CLOSED' })
})

function fail(): never {
  throw new Error('there is no message')
}
