import { randomUUID } from 'node:crypto'
import { type } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import { version } from '../../src/own-package.ts'
import { type CeleryEvent, EVENTS_HEADER } from '../../src/protocol/events/events.ts'
import { Ignore, Reject } from '../../src/tasks/signals.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { eventsIn, type ListeningBroker, listeningBroker } from '../support/listening-broker.ts'
import { waitFor } from '../support/wait-for.ts'

const NAME = 'w1@test'
const WAIT = { timeoutMs: 5_000 }

test('a worker says that it comes, that it is there, and that it goes', async () => {
  const { app, broker } = await listenedApp()
  const worker = app.worker({ name: NAME, heartbeatSeconds: 0.01 })
  await worker.start()
  const beat = await broker.until('a heartbeat', (event) => event.type === 'worker-heartbeat')
  await worker.stop()
  await broker.until('its end', (event) => event.type === 'worker-offline')
  expect(beat).toMatchObject({
    hostname: NAME,
    freq: 0.01,
    active: 0,
    processed: 0,
    loadavg: [expect.any(Number), expect.any(Number), expect.any(Number)],
    sw_ident: 'celery-toolbox',
    sw_ver: version(),
    sw_sys: type(),
  })
  const kinds = broker.events.map((event) => event.type)
  expect([kinds[0], kinds.at(-1)]).toEqual(['worker-online', 'worker-offline'])
  expect(new Set(kinds)).toEqual(new Set(['worker-online', 'worker-heartbeat', 'worker-offline']))
})

test('a heartbeat reports how many tasks run and how many were begun', async () => {
  const { app, broker } = await listenedApp()
  const gates: (() => void)[] = []
  const hang = app.task('export.hang', () => new Promise<void>((open) => gates.push(open)))
  await startWorker(app, { name: NAME, heartbeatSeconds: 0.01 })
  const first = await hang.delay()
  await waitFor('the run', () => gates.length === 1)
  gates[0]?.()
  await first.get(WAIT)
  const second = await hang.delay()
  await broker.until('the second run', ({ active, processed }) => active === 1 && processed === 2)
  gates[1]?.()
  await second.get(WAIT)
})

test('with -E a worker sends the task events that Celery’s send', async () => {
  const { app, broker } = await listenedApp({ worker_send_task_events: true })
  const add = app.task('export.add', (x: number, y: number) => x + y)
  await startWorker(app, { name: NAME })
  const result = await add.delay(2, 3)
  await result.get(WAIT)
  expect(await eventsOf(broker, result.id, 'task-succeeded')).toMatchObject([
    {
      type: 'task-received',
      uuid: result.id,
      name: 'export.add',
      args: '(2, 3)',
      kwargs: '{}',
      root_id: result.id,
      parent_id: null,
      retries: 0,
      eta: null,
      expires: null,
    },
    { type: 'task-started' },
    { type: 'task-succeeded', result: '5', runtime: expect.any(Number) },
  ])
  // What came of it is kept elsewhere.
  expect(broker.events.filter((event) => 'outcome' in event)).toEqual([])
})

test.each<readonly [string, string, Readonly<Record<string, unknown>>]>([
  [
    'fails',
    'task-failed',
    { exception: "RangeError('too far')", traceback: /RangeError: too far/ },
  ],
  ['retries', 'task-retried', { exception: "Retry(Retry(...), Error('busy'), 60)" }],
  ['expired', 'task-revoked', { terminated: false, signum: null, expired: true }],
  ['rejects', 'task-rejected', { requeue: false }],
  ['unencodable', 'task-failed', { exception: /^EncodeError\('/ }],
  ['nobody', 'task-failed', { exception: "NotRegistered('export.nobody')" }],
])('a task that %s is told of as %s', async (name, kind, fields) => {
  const { app, broker } = await listenedApp({ worker_send_task_events: true })
  declareTasks(app)
  await startWorker(app, { name: NAME })
  const options = name === 'expired' ? { expires: new Date(Date.now() - 1_000) } : {}
  const { id } = await app.sendTask(`export.${name}`, [], {}, options)
  const event = (await eventsOf(broker, id, kind)).find((one) => one.type === kind)
  const expected = Object.entries(fields).map(([field, value]) => [
    field,
    value instanceof RegExp ? expect.stringMatching(value) : value,
  ])
  expect(event).toMatchObject(Object.fromEntries(expected))
})

test('a task that replaces itself or wants to be ignored comes to no end of its own', async () => {
  const { app, broker } = await listenedApp({ worker_send_task_events: true })
  declareTasks(app)
  await startWorker(app, { name: NAME })
  const { id } = await app.sendTask('export.ignores')
  const { id: last } = await app.sendTask('export.succeeds')
  await eventsOf(broker, last, 'task-succeeded')
  expect(broker.events.filter(({ uuid }) => uuid === id).map((event) => event.type)).toEqual([
    'task-received',
    'task-started',
  ])
})

test('without -E no task events are sent, and a task can be left out with it', async () => {
  const { app, broker } = await listenedApp()
  declareTasks(app)
  const worker = await startWorker(app, { name: NAME })
  await (await app.sendTask('export.succeeds')).get(WAIT)
  await worker.stop()
  const { app: told, broker: listener } = await listenedApp()
  told.task('export.secret', { sendEvents: false }, () => 'x')
  told.task('export.succeeds', () => 'y')
  const teller = await startWorker(told, { name: NAME, taskEvents: true })
  await (await told.sendTask('export.secret')).get(WAIT)
  const { id } = await told.sendTask('export.succeeds')
  await eventsOf(listener, id, 'task-succeeded')
  await teller.stop()
  expect(ofTasks(broker.events)).toEqual([])
  expect(ofTasks(listener.events).filter(({ uuid }) => uuid !== id)).toEqual([])
})

test('--without-heartbeat and without -E a worker says nothing at all', async () => {
  const { app, broker } = await listenedApp()
  declareTasks(app)
  const worker = await startWorker(app, { name: NAME, heartbeat: false })
  await (await app.sendTask('export.succeeds')).get(WAIT)
  await worker.stop()
  expect(broker.events).toEqual([])
})

test('events of tasks are switched on and off, and heartbeats asked for, by remote control', async () => {
  const { app, broker } = await listenedApp()
  declareTasks(app)
  await startWorker(app, { name: NAME, heartbeat: false })
  const ask = (method: string): Promise<unknown> =>
    app.control.broadcast(method, {}, { destination: [NAME], reply: true, timeoutMs: 5_000 })
  expect(await ask('enable_events')).toEqual([{ [NAME]: { ok: 'task events enabled' } }])
  expect(await ask('enable_events')).toEqual([{ [NAME]: { ok: 'task events already enabled' } }])
  const { id } = await app.sendTask('export.succeeds')
  await eventsOf(broker, id, 'task-succeeded')
  expect(await ask('disable_events')).toEqual([{ [NAME]: { ok: 'task events disabled' } }])
  await (await app.sendTask('export.succeeds')).get(WAIT)
  expect(await ask('heartbeat')).toEqual([{ [NAME]: null }])
  await broker.until('the heartbeat', (event) => event.type === 'worker-heartbeat')
  expect(ofTasks(broker.events).filter(({ uuid }) => uuid !== id)).toEqual([])
})

test('a task sends events of its own, whether or not its events are sent', async () => {
  const { app, broker } = await listenedApp()
  const pay = app.task('export.pay', { bind: true }, async (self) => {
    await self.sendEvent('invoice-paid', { amount: 5 })
    await self.sendEvent('no type').catch((error: unknown) => error)
  })
  await startWorker(app, { name: NAME })
  const result = await pay.delay()
  await result.get(WAIT)
  const event = await broker.until('the event', (one) => one.type === 'invoice-paid')
  expect(event).toMatchObject({ uuid: result.id, amount: 5, hostname: NAME })
  expect(broker.heard.map(({ route }) => route.routingKey)).toContain('invoice.paid')
})

test('a program sends events of its own', async () => {
  const { app, broker } = await listenedApp()
  await app.events.send('invoice-paid', { amount: 5 })
  const event = await broker.until('the event', (one) => one.type === 'invoice-paid')
  expect(event).toMatchObject({ amount: 5, hostname: expect.stringMatching(/^gen\d+@/) })
  await expect(app.events.send('no type')).rejects.toMatchObject({ code: 'TASK_INVALID' })
})

test('what a program has emitted before it closes its app is sent, though nothing else was', async () => {
  const { app, broker } = await listenedApp()
  app.events.emit('invoice-paid', { amount: 5 })
  await app.close()
  await broker.until('the event', ({ type, amount }) => type === 'invoice-paid' && amount === 5)
  app.events.tell('invoice-paid', { amount: 6 })
  await expect(app.sendTask('export.add')).rejects.toThrow('the app was used after close()')
  expect(broker.events).toHaveLength(1)
})

test('with task_send_sent_event a client reports each call that the broker has', async () => {
  const { app, broker } = await listenedApp({ task_send_sent_event: true })
  const { id } = await app.sendTask('export.add', [2], { y: 3 }, { eta: new Date('2040-01-01') })
  const event = await broker.until('the event', ({ uuid }) => uuid === id)
  expect(event).toMatchObject({
    type: 'task-sent',
    name: 'export.add',
    args: '(2,)',
    kwargs: "{'y': 3}",
    root_id: id,
    parent_id: null,
    retries: 0,
    eta: '2040-01-01T00:00:00+00:00',
    expires: null,
    queue: null,
    exchange: 'task_exchange',
    routing_key: 'export',
  })
  expect(broker.heard.at(-1)?.route).toEqual({ exchange: 'celeryev', routingKey: 'task.sent' })
})

test('where events do not travel, the platform queue gets them with all of each outcome', async () => {
  const app = embeddedApp()
  declareTasks(app)
  const worker = await startWorker(app, { name: NAME })
  const good = await app.sendTask('export.succeeds')
  const bad = await app.sendTask('export.fails')
  await Promise.all([good.get(WAIT), bad.get(WAIT).catch(() => undefined)])
  await worker.stop()
  const events = await platformEvents(app)
  expect(events.map((event) => event.type)).toEqual(
    expect.arrayContaining(['worker-online', 'task-received', 'task-started', 'worker-offline']),
  )
  const outcomeOf = (id: string): unknown =>
    events.find(({ uuid, outcome }) => uuid === id && outcome !== undefined)?.outcome
  expect(outcomeOf(good.id)).toEqual({
    status: 'SUCCESS',
    result: { some: ['value'] },
    traceback: null,
    date_done: expect.stringMatching(/^\d{4}-.*\+00:00$/),
  })
  expect(outcomeOf(bad.id)).toEqual({
    status: 'FAILURE',
    result: { exc_type: 'RangeError', exc_message: ['too far'], exc_module: 'builtins' },
    traceback: expect.stringContaining('RangeError: too far'),
    date_done: expect.any(String),
  })
})

test('work queues get no events, and the platform queue none of tasks where that is switched off', async () => {
  const app = embeddedApp({ worker_send_task_events: false })
  declareTasks(app)
  const worker = await startWorker(app, { name: NAME, queues: ['export'] })
  await (await app.sendTask('export.succeeds')).get(WAIT)
  await worker.stop()
  const events = await platformEvents(app)
  expect(events.map((event) => event.type)).toEqual(['worker-online', 'worker-offline'])
  expect((await app.broker().depth('celery')).messages).toBe(0)
})

test('a task whose result is ignored is reported without it', async () => {
  const app = embeddedApp()
  app.task('export.forgotten', { ignoreResult: true }, () => 'secret')
  const worker = await startWorker(app, { name: NAME })
  const { id } = await app.sendTask('export.forgotten')
  const events: CeleryEvent[] = []
  await waitFor('its end', async () => {
    events.push(...(await platformEvents(app)))
    return events.some((event) => event.type === 'task-succeeded')
  })
  await worker.stop()
  const told = events.filter(({ uuid }) => uuid === id).at(-1)
  expect(told).toMatchObject({ type: 'task-succeeded' })
  expect(told).not.toHaveProperty('outcome')
})

async function listenedApp(
  settings: Partial<ConfigOptions> = {},
): Promise<{ app: CeleryApp; broker: ListeningBroker }> {
  const broker = await listeningBroker()
  const config = new Config({
    queues: ['export'],
    broker_url: 'memory://listened',
    result_backend: `memory://${randomUUID()}`,
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config, { broker })
  onTestFinished(() => app.close())
  return { app, broker }
}

function declareTasks(app: CeleryApp): void {
  app.task('export.succeeds', () => ({ some: ['value'] }))
  app.task('export.expired', () => 'not run')
  app.task('export.unencodable', () => Symbol('x'))
  app.task('export.fails', () => {
    throw new RangeError('too far')
  })
  app.task('export.retries', { bind: true }, (self) => {
    throw self.retry({ countdown: 60, cause: new Error('busy') })
  })
  app.task('export.rejects', { acksLate: true }, () => {
    throw new Reject('not for me')
  })
  app.task('export.ignores', () => {
    throw new Ignore()
  })
}

/** The events of one task, once the last of them was heard. */
async function eventsOf(
  broker: ListeningBroker,
  id: string,
  last: string,
): Promise<readonly CeleryEvent[]> {
  await broker.until(`${last} of ${id}`, (event) => event.uuid === id && event.type === last)
  return broker.events.filter(({ uuid }) => uuid === id)
}

function ofTasks(events: readonly CeleryEvent[]): readonly CeleryEvent[] {
  return events.filter((event) => event.type.startsWith('task-'))
}

async function platformEvents(app: CeleryApp): Promise<readonly CeleryEvent[]> {
  const events: CeleryEvent[] = []
  for (;;) {
    const delivery = await app.broker().get('platform.fifo')
    if (delivery === undefined) return events
    const { message } = delivery
    if (message.headers[EVENTS_HEADER] === 1) events.push(...eventsIn(message))
    await delivery.ack()
  }
}
