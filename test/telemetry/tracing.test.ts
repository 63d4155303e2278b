import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { recordedMessages } from '../support/vectors.ts'
import { forgetSpans, spanOf, startTracing } from './traced.ts'

const WAIT = { timeoutMs: 5_000 }

beforeAll(startTracing)
beforeEach(forgetSpans)

test('a call, its run and the storing of its result follow from one another', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await startWorker(app, { name: 'w1@test' })
  const result = await add.delay(2, 3)
  await result.get(WAIT)
  const [called, ran, stored] = [
    await spanOf('apply_async/export.add'),
    await spanOf('run/export.add'),
    await spanOf('store/export.add'),
  ]
  expect(called).toMatchObject({
    kind: SpanKind.PRODUCER,
    parentSpanContext: undefined,
    attributes: {
      'celery.action': 'apply_async',
      'celery.task_name': 'export.add',
      'celery.exchange': 'task_exchange',
      'messaging.destination': 'export',
      'messaging.message.id': result.id,
    },
  })
  expect(ran).toMatchObject({
    kind: SpanKind.CONSUMER,
    parentSpanContext: { spanId: called.spanContext().spanId, isRemote: true },
    status: { code: SpanStatusCode.UNSET },
    attributes: {
      'celery.action': 'run',
      'celery.task_name': 'export.add',
      'celery.state': 'SUCCESS',
      'celery.worker': 'w1@test',
      'messaging.destination': 'export',
      'messaging.message.id': result.id,
    },
  })
  expect(stored.parentSpanContext?.spanId).toBe(ran.spanContext().spanId)
  const traces = [called, ran, stored].map((span) => span.spanContext().traceId)
  expect(new Set(traces).size).toBe(1)
})

test('a call within a span of the program is part of it', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const tracer = trace.getTracer('program')
  const outer = await tracer.startActiveSpan('request', async (span) => {
    await add.delay(2, 3)
    span.end()
    return span.spanContext()
  })
  const called = await spanOf('apply_async/export.add')
  expect(called.parentSpanContext).toMatchObject({ spanId: outer.spanId, traceId: outer.traceId })
})

test('what a task calls, and the next step of its chain, follow from its run', async () => {
  const app = embeddedApp()
  const inner = app.task('export.inner', () => 1)
  const outer = app.task('export.outer', async () => (await inner.delay()).id)
  const next = app.task('export.next', () => 2)
  await startWorker(app)
  await (await chain(outer.s(), next.si()).applyAsync()).get(WAIT)
  const { spanId, traceId } = (await spanOf('run/export.outer')).spanContext()
  for (const task of ['export.inner', 'export.next']) {
    const called = await spanOf(`apply_async/${task}`, traceId)
    expect(called.parentSpanContext?.spanId).toBe(spanId)
    expect((await spanOf(`run/${task}`, traceId)).parentSpanContext?.spanId).toBe(
      called.spanContext().spanId,
    )
  }
})

test('the spans of a program within a task are part of its run', async () => {
  const app = embeddedApp()
  const work = app.task('export.work', async () => {
    await Promise.resolve()
    trace.getTracer('program').startSpan('query').end()
  })
  await startWorker(app)
  await (await work.delay()).get(WAIT)
  const ran = await spanOf('run/export.work')
  expect((await spanOf('query')).parentSpanContext?.spanId).toBe(ran.spanContext().spanId)
})

test('a run that fails says so; one that failed as expected does not', async () => {
  const app = embeddedApp()
  const fail = app.task('export.fail', () => {
    throw new RangeError('too far')
  })
  const expected = app.task('export.expected', { throwsExpected: [RangeError] }, () => {
    throw new RangeError('far')
  })
  await startWorker(app)
  await (await fail.delay()).get(WAIT).catch(() => undefined)
  await (await expected.delay()).get(WAIT).catch(() => undefined)
  const failed = await spanOf('run/export.fail')
  expect(failed.status).toEqual({ code: SpanStatusCode.ERROR, message: 'RangeError: too far' })
  expect(failed.attributes['celery.state']).toBe('FAILURE')
  expect(failed.events).toMatchObject([
    { name: 'exception', attributes: { 'exception.type': 'RangeError' } },
  ])
  expect((await spanOf('run/export.expected')).status.code).toBe(SpanStatusCode.UNSET)
})

test('the next attempt follows from the run that asked for it', async () => {
  const app = embeddedApp()
  const again = app.task('export.again', { bind: true }, (self) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 0, cause: new Error('busy') })
    forgetSpans()
    return 'at last'
  })
  await startWorker(app)
  const called = await again.delay()
  const first = await spanOf('apply_async/export.again')
  await called.get(WAIT)
  const ran = await spanOf('run/export.again')
  expect(ran.attributes).toMatchObject({ 'celery.retries': 1, 'celery.state': 'SUCCESS' })
  expect(ran.spanContext().traceId).toBe(first.spanContext().traceId)
  expect(ran.parentSpanContext?.spanId).not.toBe(first.spanContext().spanId)
})

test('a call that cannot be published says so', async () => {
  const app = embeddedApp()
  await app.setUp()
  await app.broker().close()
  await expect(app.sendTask('export.add')).rejects.toMatchObject({ code: 'BROKER_CLOSED' })
  expect((await spanOf('apply_async/export.add')).status.code).toBe(SpanStatusCode.ERROR)
})

test('a run follows from a call that Python’s instrumentation has traced', async () => {
  const [recorded] = recordedMessages('../opentelemetry-python')
  const app = embeddedApp()
  app.task('proj.tasks.add', (x: number, y: number) => x + y)
  await startWorker(app, { queues: ['export'] })
  if (recorded === undefined) throw new Error('the recording holds no message')
  const { headers, body } = recorded
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  await app
    .broker()
    .publish(
      { headers, properties, body: Buffer.from(body) },
      { exchange: '', routingKey: 'export' },
    )
  const ran = await spanOf('run/proj.tasks.add')
  const [, traceId, spanId] = String(headers.traceparent).split('-')
  expect(ran.parentSpanContext).toMatchObject({ traceId, spanId, isRemote: true })
})

test('headers that are no trace begin a new one', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await startWorker(app)
  await app.broker().publish(
    {
      headers: { task: 'export.add', id: 'odd', lang: 'js', traceparent: 12, tracestate: ['x'] },
      properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
      body: Buffer.from('[[1, 2], {}, {}]'),
    },
    { exchange: '', routingKey: 'export' },
  )
  expect((await spanOf('run/export.add')).parentSpanContext).toBeUndefined()
  expect(add.name).toBe('export.add')
})
