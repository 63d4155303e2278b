import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import type { Inspect } from '../../../src/control/inspect.ts'
import { embeddedApp, startWorker } from '../../support/embedded-app.ts'
import { waitFor } from '../../support/wait-for.ts'

const NAME = 'w1@test'

test('active lists what runs as Celery does', async () => {
  const { hang, inspect, free } = await inspected()
  const { id } = await hang.applyAsync([1, 'a'], { priority: 3 })
  const [task] = await untilThere(inspect, 'active')
  expect(task).toEqual({
    id,
    name: 'export.hang',
    args: [1, 'a'],
    kwargs: {},
    type: 'export.hang',
    hostname: NAME,
    time_start: expect.closeTo(Date.now() / 1_000, -1),
    acknowledged: true,
    delivery_info: {
      exchange: 'task_exchange',
      routing_key: 'export',
      priority: 3,
      redelivered: false,
    },
    worker_pid: process.pid,
  })
  expect(await inspect.active({ safe: true })).toMatchObject({
    [NAME]: [{ args: "(1, 'a')", kwargs: '{}' }],
  })
  free()
})

test('a task is acknowledged as soon as its message is, and shown by its shadow', async () => {
  const { late, inspect, free } = await inspected()
  await late.applyAsync([], { shadow: 'night.export' })
  expect(await untilThere(inspect, 'active')).toMatchObject([
    { acknowledged: false, name: 'night.export', type: 'export.late' },
  ])
  free()
})

test('what waits for a slot is reserved, what waits for its eta is scheduled, and each is found', async () => {
  const { hang, inspect, free } = await inspected()
  const running = await hang.delay(1)
  await untilThere(inspect, 'active')
  const waiting = await hang.delay(2)
  const later = await hang.applyAsync([3], { eta: new Date('2999-01-02T03:04:05.678Z') })
  expect(await untilThere(inspect, 'reserved')).toMatchObject([
    { id: waiting.id, time_start: null, worker_pid: null, acknowledged: false },
  ])
  expect(await untilThere(inspect, 'scheduled')).toEqual([
    {
      eta: expect.stringMatching(/^2999-01-02T03:04:05\.678(000)?\+00:00$/),
      priority: 6,
      request: expect.objectContaining({ id: later.id, args: [3], worker_pid: null }),
    },
  ])
  const found = await inspect.queryTask([running.id, 'unknown'], waiting.id, later.id)
  expect(found).toMatchObject({
    [NAME]: {
      [running.id]: ['active', { id: running.id }],
      [waiting.id]: ['reserved', { id: waiting.id }],
      [later.id]: ['scheduled', { id: later.id }],
    },
  })
  expect(Object.keys(found[NAME] as object)).toHaveLength(3)
  free()
})

test('registered names the tasks with the options that are asked for', async () => {
  const { app, inspect } = await inspected()
  expect(await inspect.registered()).toEqual({
    [NAME]: ['export.hang', 'export.late [rate_limit=100/m]'],
  })
  await app.control.rateLimit('export.hang', '5/s', { reply: true, limit: 1 })
  expect(await inspect.registered('rate_limit', 'acks_late', 'max_retries', '_secret')).toEqual({
    [NAME]: [
      'export.hang [rate_limit=5/s acks_late=False max_retries=3]',
      'export.late [rate_limit=100/m acks_late=True max_retries=3]',
    ],
  })
  const [answer] = await app.control.broadcast('registered', { builtins: 1 }, ASKED)
  expect(answer?.[NAME]).toContain('celery.chord_unlock')
})

test('stats has all that Flower shows', async () => {
  const { hang, inspect, free } = await inspected({ worker_prefetch_multiplier: 3 })
  await hang.delay(1)
  await untilThere(inspect, 'active')
  const { [NAME]: stats } = await inspect.stats()
  expect(stats).toMatchObject({
    total: { 'export.hang': 1 },
    pid: process.pid,
    clock: expect.stringMatching(/^\d+$/),
    uptime: expect.any(Number),
    pool: {
      implementation: 'celery-toolbox:async',
      'max-concurrency': 1,
      processes: [process.pid],
      timeouts: [0, 0],
    },
    broker: { transport: 'memory', connect_timeout: 4, alternates: [] },
    prefetch_count: 3,
    rusage: { utime: expect.any(Number), nivcsw: expect.any(Number) },
  })
  free()
})

test('conf shows what was set, or everything, and no secret', async () => {
  const { inspect } = await inspected({
    broker_transport_options: { password: 'hunter2' },
    task_routes: () => null,
    task_acks_late: true,
  })
  const { [NAME]: set } = await inspect.conf()
  expect(set).toMatchObject({ task_acks_late: true })
  expect(set).not.toHaveProperty('worker_send_task_events')
  expect(JSON.stringify(set)).not.toContain('hunter2')
  const { [NAME]: all } = await inspect.conf({ withDefaults: true })
  expect(all).toMatchObject({ worker_send_task_events: false })
})

test('report, memsample and clock are answered, memdump and objgraph are refused with what to use instead', async () => {
  const { inspect } = await inspected()
  expect(await inspect.report()).toEqual({
    [NAME]: { ok: expect.stringMatching(/celery-toolbox:\d.*node:\d[\s\S]*broker_url: /) },
  })
  expect(await inspect.memsample()).toEqual({ [NAME]: expect.stringMatching(/^\d+(\.\d+)?[MG]B$/) })
  expect(await inspect.clock()).toEqual({ [NAME]: { clock: expect.any(Number) } })
  for (const command of ['memdump', 'objgraph']) {
    expect(await inspect.ask(command)).toEqual({
      [NAME]: { error: expect.stringMatching(`${command} looks at the objects of Python.*use`) },
    })
  }
})

test('the old names of the commands are answered alike', async () => {
  const { inspect } = await inspected()
  for (const name of ['dump_active', 'dump_reserved', 'dump_schedule', 'dump_revoked']) {
    expect(await inspect.ask(name)).toEqual({ [NAME]: [] })
  }
  expect(await inspect.ask('dump_tasks')).toEqual(await inspect.registered())
  expect(await inspect.ask('dump_conf')).toEqual(await inspect.conf())
})

test('one worker is asked by its name alone, and one that is not there gets no answer', async () => {
  const { app } = await inspected()
  expect(await app.control.inspect({ destination: NAME }).ping()).toEqual({
    [NAME]: { ok: 'pong' },
  })
  expect(await app.control.inspect({ destination: 'w2@test', timeoutMs: 50 }).active()).toEqual({})
})

test('wrong arguments are refused with their name and value, and the worker goes on', async () => {
  const { inspect } = await inspected()
  expect(await inspect.ask('query_task', { ids: [1] })).toEqual({
    [NAME]: { error: "ValueError('ids is [1], expected a text or a list of texts')" },
  })
  expect(await inspect.ask('query_task')).toEqual({
    [NAME]: { error: "ValueError('ids is None, expected a text or a list of texts')" },
  })
  expect(await inspect.ask('registered', { taskinfoitems: 'rate_limit' })).toEqual({
    [NAME]: { error: expect.stringContaining("taskinfoitems is 'rate_limit', expected a list") },
  })
  expect(await inspect.ping()).toEqual({ [NAME]: { ok: 'pong' } })
})

const ASKED = { destination: [NAME], reply: true, timeoutMs: 5_000 }

/** A worker with one slot. */
async function inspected(settings: Parameters<typeof embeddedApp>[0] = {}) {
  const app = embeddedApp(settings)
  const end = deferred()
  const unsaid: object = { acksLate: undefined }
  const hang = app.task('export.hang', unsaid, async (..._args: readonly unknown[]) => end.promise)
  const late = app.task('export.late', { acksLate: true, rateLimit: '100/m' }, async () => {
    await end.promise
  })
  await startWorker(app, { name: NAME, concurrency: 1 })
  const inspect = app.control.inspect({ destination: [NAME], timeoutMs: 5_000 })
  return { app, hang, late, inspect, free: () => end.resolve() }
}

async function untilThere(inspect: Inspect, command: string): Promise<readonly unknown[]> {
  return await waitFor(`something ${command}`, async () => {
    const { [NAME]: tasks } = await inspect.ask(command)
    return Array.isArray(tasks) && tasks.length > 0 ? tasks : undefined
  })
}
