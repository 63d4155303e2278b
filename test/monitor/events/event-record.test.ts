import { describe, expect, test } from 'vitest'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import { messagesIn } from '../../protocol/recorded.ts'
import { eventsMessage, tell as tellAt } from './tellings.ts'

const AT = 1795295719.1322932

/** As it comes a little after it was sent. */
const tell: typeof tellAt = (message, options = {}) =>
  tellAt(message, { receivedAtMs: AT * 1000 + 80_000, ...options })

const EVENT = {
  type: 'task-started',
  uuid: 'a',
  hostname: 'w1@host',
  timestamp: AT,
  clock: 3,
  pid: 7,
}

/** Recorded by Python, and what each says of its task. */
const PROGRESS: Record<string, object> = {
  'event-task-received': {
    state: 'RECEIVED',
    receivedAtMs: 1795295719132.293,
    worker: 'w1@worker.example',
  },
  'event-task-started': { state: 'STARTED', startedAtMs: 1795295719132.771 },
  'event-task-succeeded': {
    state: 'SUCCESS',
    runtimeMs: 0.47675499990873504,
    exception: null,
    stored: null,
  },
  'event-task-failed': {
    state: 'FAILURE',
    exception: 'CustomError: 42, bad thing',
    traceback: expect.stringMatching(/^Traceback/),
  },
  'event-task-failed-unregistered': {
    state: 'FAILURE',
    exception: 'NotRegistered: proj.tasks.nope',
    traceback: null,
  },
  'event-task-retried': { state: 'RETRY', exception: 'ConnectionError: upstream down' },
  'event-task-rejected': { state: 'REJECTED' },
  'event-task-revoked': { state: 'REVOKED', exception: 'TaskRevokedError: expired' },
}

describe('an event of Python moves the row of its task', () => {
  test.each(Object.entries(PROGRESS))('%s', async (name, expected) => {
    const [recorded] = messagesIn(name)
    const { tasks, events, problem } = await tell(recorded!.message)
    const sent = JSON.parse(recorded!.message.body.toString())
    const stateAtMs = Math.round(sent.timestamp * 1e6) / 1e3
    expect(problem).toBeNull()
    expect(tasks).toMatchObject([{ taskId: sent.uuid, stateAtMs, ...expected }])
    expect(events).toMatchObject([
      { type: sent.type, taskId: sent.uuid, clock: String(sent.clock) },
    ])
  })
})

test('where no message says how a task was called, its caller’s event does', async () => {
  const [recorded] = messagesIn('event-task-sent').filter(({ exchange }) => exchange === 'celeryev')
  const { tasks } = await tell(recorded!.message, { receivedAtMs: 1795295800000 })
  expect(tasks).toMatchObject([
    {
      source: 'task-sent',
      state: 'PENDING',
      stateAtMs: null,
      name: 'proj.tasks.add',
      queue: 'celery',
      routingKey: 'celery',
      origin: 'gen2020@producer.example',
      rootId: 'a0000000-0000-4000-8000-000000000045',
      etaMs: Date.parse('2026-11-21T21:14:11.864Z'),
      worker: null,
    },
  ])
  expect(JSON.parse(tasks[0]!.options)).toMatchObject({
    reported_by: 'task-sent',
    argsrepr: '(2, 3)',
    kwargsrepr: '{}',
    exchange: '',
  })
})

test('a task of the workers’ events alone has its name, family and retries from the event of its arrival', async () => {
  const [retried] = messagesIn('compat52-events').filter(({ message }) =>
    message.body.includes('"retries": 1'),
  )
  const { tasks } = await tell(retried!.message)
  expect(tasks).toMatchObject([
    { source: 'task-received', name: 'proj.tasks.retry_me', retries: 1, parentId: null },
  ])
})

test('an error that Celery 5.2 does not name is named by its traceback', async () => {
  const [failed] = messagesIn('compat52-events').filter(
    ({ routingKey }) => routingKey === 'task.failed',
  )
  const { tasks } = await tell(failed!.message)
  expect(tasks[0]?.exception).toMatch(/^[A-Z]\w+Error: /)
})

test('a task that goes back into its queue will be run again', async () => {
  const requeued = { ...EVENT, type: 'task-rejected', requeue: true }
  const { tasks } = await tell(eventsMessage([requeued, { ...EVENT, type: 'task-cancelled' }]))
  expect(tasks.map(({ state }) => state)).toEqual(['RETRY', 'RETRY'])
})

test('an outcome that comes along is what a result backend would hold', async () => {
  const outcome = { status: 'SUCCESS', result: { n: 1 }, traceback: null, date_done: null }
  const { tasks } = await tell(eventsMessage({ ...EVENT, type: 'task-succeeded', outcome }))
  expect(tasks).toMatchObject([{ state: 'SUCCESS', stored: '{"n": 1}' }])
})

test('heartbeats are no rows of their own: the worker’s row has the last one', async () => {
  const names = ['event-worker-online', 'event-worker-heartbeat', 'event-worker-offline']
  const read = await Promise.all(names.map((name) => tell(messagesIn(name)[0]!.message)))
  expect(read.map(({ events }) => events.length)).toEqual([1, 0, 1])
  expect(read[1]?.workers).toMatchObject([
    {
      hostname: 'w1@worker.example',
      kind: 'heartbeat',
      pid: 2914,
      software: 'py-celery',
      softwareVersion: '5.6.2',
      platform: 'Linux',
      everySeconds: 2,
      active: 0,
      processed: 3,
      loadAverage: '{0.8,0.62,1.43}',
    },
  ])
})

test('an event of another program is kept, and changes no task', async () => {
  const event = { type: 'invoice-paid', timestamp: AT, uuid: 'a', amount: 7 }
  const { events, tasks, workers } = await tell(eventsMessage(event))
  expect(events).toMatchObject([{ type: 'invoice-paid', taskId: 'a', fields: '{"amount":7}' }])
  expect([tasks, workers]).toEqual([[], []])
})

test('a message with a bad event in it is kept whole, and its good ones are recorded', async () => {
  const { events, problem, message } = await tell(eventsMessage([EVENT, { type: 'task-started' }]))
  expect(events).toHaveLength(1)
  expect(problem).toMatchObject({
    code: 'MESSAGE_INVALID',
    reason: expect.stringMatching(/^event 2 of 2/),
  })
  expect(message?.body.toString()).toContain('task-started')
})

test('compressed events are read; those that cannot be expanded are kept', async () => {
  const compressed = await compressMessage(eventsMessage(EVENT), 'zlib')
  expect((await tell(compressed)).events).toHaveLength(1)
  const broken = await tell({ ...compressed, body: Buffer.from('no zlib') })
  expect(broken).toMatchObject({ events: [], problem: { code: 'MESSAGE_UNDECODABLE' } })
})

test('a digest recognises an event delivered again, alone or in a list, and distinguishes others', async () => {
  const digests = async (events: unknown): Promise<string[]> =>
    (await tell(eventsMessage(events))).events.map(({ digest }) => digest)
  const [first] = await digests(EVENT)
  expect(await digests([EVENT, EVENT])).toEqual([first, first])
  const others = await digests([
    { ...EVENT, timestamp: AT + 1 },
    { ...EVENT, uuid: 'b' },
    { ...EVENT, clock: 4 },
    { ...EVENT, hostname: 'w2@host' },
    { ...EVENT, pid: 8 },
  ])
  expect(new Set([first, ...others]).size).toBe(6)
})

test.each([1e308, 1e300, -5])(
  'a run that no clock can have measured is of unknown length: %s s',
  async (runtime) => {
    const { tasks } = await tell(eventsMessage([{ ...EVENT, type: 'task-succeeded', runtime }]))
    expect(tasks).toMatchObject([{ state: 'SUCCESS', runtimeMs: null }])
  },
)

test.each([1e300, -1, 0, 'often'])(
  'heartbeats that come every %s s are none to wait for',
  async (freq) => {
    const { workers } = await tell(eventsMessage([{ ...EVENT, type: 'worker-heartbeat', freq }]))
    expect(workers).toMatchObject([{ hostname: 'w1@host', everySeconds: null }])
  },
)

test.each(['uuid', 'hostname'])(
  'an event whose %s no index can hold does not spoil those it travels with',
  async (key) => {
    const giant = { ...EVENT, type: 'task-received', [key]: 'x'.repeat(10_000) }
    const { events, problem } = await tell(eventsMessage([EVENT, giant, { ...EVENT, uuid: 'b' }]))
    expect(events.map(({ taskId }) => taskId)).toEqual(['a', 'b'])
    expect(problem).toEqual({
      code: 'MESSAGE_INVALID',
      reason: `${key} of an event has 10000 bytes, expected at most 2600`,
    })
  },
)

const NO_SCALARS = [{ toString: 1, valueOf: 1 }, [[]], null, 1e300, -1.5, true, '\ud800']

test.each(
  ['pid', 'clock', 'retries', 'utcoffset', 'active', 'processed', 'freq', 'name'].flatMap((key) =>
    NO_SCALARS.map((value) => [key, value] as const),
  ),
)('an event whose %s is %j is recorded all the same', async (key, value) => {
  const events = ['task-started', 'task-sent', 'worker-heartbeat'].map((type) => ({
    ...EVENT,
    type,
    [key]: value,
  }))
  const read = await tell(eventsMessage(events))
  expect(read.problem).toBeNull()
  expect(read.events).toHaveLength(2)
})

test('a state that is no name is none', async () => {
  const outcome = { status: 'S'.repeat(10_000), result: 1 }
  const { tasks } = await tell(eventsMessage([{ ...EVENT, type: 'task-failed', outcome }]))
  expect(tasks).toMatchObject([{ state: 'FAILURE', stored: null }])
})

test('a clock that is far off makes no task old, and leaves none without a time', async () => {
  const receivedAtMs = AT * 1000 + 8 * 86_400_000
  const { tasks } = await tell(eventsMessage(EVENT), { receivedAtMs })
  expect(tasks).toMatchObject([{ publishedAtMs: receivedAtMs, startedAtMs: 1795295719132.293 }])
})

test('what REDACT names is stored of no event', async () => {
  const secret = 'hunter2'
  const outcome = { status: 'SUCCESS', result: { password: secret } }
  const events = [
    {
      ...EVENT,
      type: 'task-received',
      name: 'export.login',
      args: '()',
      kwargs: `{'password': '${secret}'}`,
    },
    { ...EVENT, type: 'task-succeeded', result: `{'password': '${secret}'}`, outcome },
    {
      ...EVENT,
      type: 'task-failed',
      exception: `ValueError("password=${secret}")`,
      traceback: `password = ${secret}`,
    },
  ]
  const read = await tell(eventsMessage(events), { settings: { REDACT: ['password'] } })
  expect(read.events).toHaveLength(3)
  const { delivery, ...stored } = read
  expect(JSON.stringify(stored)).not.toContain(secret)
})

test('a traceback of megabytes is cut in the row of the task, and whole in the event', async () => {
  const traceback = `first line\n${'a'.repeat(3_000_000)}\nlast line`
  const failed = { ...EVENT, type: 'task-failed', exception: "ValueError('no')", traceback }
  const { tasks, events } = await tell(eventsMessage(failed))
  expect(tasks[0]?.traceback?.length).toBeLessThan(1_100_000)
  expect(tasks[0]?.traceback).toMatch(
    /^first line\na+\n\[… 1951445 characters, see its event …\]\na+\nlast line$/,
  )
  expect(events[0]?.fields).toContain(JSON.stringify(traceback))
})
