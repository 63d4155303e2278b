import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { embeddedApp, startWorker } from '../../support/embedded-app.ts'
import { waitFor } from '../../support/wait-for.ts'

const NAME = 'w1@test'
const WAIT = { timeoutMs: 8_000 }
const ASKED = { destination: [NAME], reply: true, timeoutMs: 5_000 }

test('a queue that is added is taken from, as Celery says it and shows it', async () => {
  const { app, add } = await operated()
  expect(await app.control.addConsumer('night', ASKED)).toEqual([
    { [NAME]: { ok: 'add consumer night' } },
  ])
  expect(await app.control.addConsumer('night', ASKED)).toEqual([
    { [NAME]: { ok: 'add consumer night' } },
  ])
  expect(await (await add.applyAsync([1, 2], { routingKey: 'night' })).get(WAIT)).toBe(3)
  const { [NAME]: queues } = await app.control.inspect({ destination: NAME }).activeQueues()
  expect(queues).toMatchObject([
    { name: 'export', exchange: { name: 'task_exchange', type: 'topic' }, queue_arguments: null },
    {
      name: 'night',
      exchange: { name: 'task_exchange', type: 'topic', durable: true },
      durable: true,
      no_ack: false,
      bindings: [],
    },
  ])
})

test('a queue that is in no config is declared with the exchange, type and key that are asked for', async () => {
  const { app } = await operated()
  const how = { exchange: 'many', exchangeType: 'topic', routingKey: 'new.#' }
  await app.control.addConsumer('new', { ...how, ...ASKED })
  const { broker_url, result_backend } = app.config
  const task_queues = { new: { exchange: 'many', exchange_type: 'topic', routing_key: 'new.#' } }
  const other = embeddedApp({ queues: undefined, broker_url, result_backend, task_queues })
  const route = { exchange: 'many', routingKey: 'new.first' }
  const result = await other.sendTask('export.add', [1, 2], {}, route)
  expect(await result.get(WAIT)).toBe(3)
})

test('a queue that is cancelled is left alone until it is added again, and what was taken from it is run', async () => {
  const { app, hang, add, end } = await operated()
  const running = await hang.delay()
  const waiting = await add.delay(1, 1)
  await waitFor('both to be taken', async () => (await depth(app, 'export')) === 0)
  expect(await app.control.cancelConsumer('export', ASKED)).toEqual([
    { [NAME]: { ok: 'no longer consuming from export' } },
  ])
  const left = await add.delay(2, 2)
  end.resolve()
  expect(await running.get(WAIT)).toBe('ended')
  expect(await waiting.get(WAIT)).toBe(2)
  expect(await depth(app, 'export')).toBe(1)
  expect(await app.control.inspect({ destination: NAME }).activeQueues()).toEqual({ [NAME]: [] })
  await app.control.addConsumer('export', ASKED)
  expect(await left.get(WAIT)).toBe(4)
})

test('with worker_disable_prefetch queues are added and cancelled, too', async () => {
  const { app, add } = await operated({ worker_disable_prefetch: true })
  await app.control.addConsumer('night', ASKED)
  expect(await (await add.applyAsync([1, 2], { routingKey: 'night' })).get(WAIT)).toBe(3)
  await app.control.cancelConsumer('export', ASKED)
  await add.delay(2, 2)
  expect(await (await add.applyAsync([2, 2], { routingKey: 'night' })).get(WAIT)).toBe(4)
  expect(await depth(app, 'export')).toBe(1)
})

test('queues with wrong names or types are refused with the name, the value and what was expected', async () => {
  const { app, add } = await operated()
  const refused = async (method: string, args: Record<string, unknown>): Promise<unknown> => {
    const [reply] = await app.control.broadcast(method, args, ASKED)
    return reply?.[NAME]
  }
  expect(await refused('add_consumer', {})).toEqual({
    error: "ValueError('queue is None, expected a text')",
  })
  expect(await refused('add_consumer', { queue: 'x', exchange_type: 'odd' })).toEqual({
    error: `ValueError("exchange_type is 'odd', expected one of direct, topic, fanout, headers")`,
  })
  expect(await refused('add_consumer', { queue: 'x'.repeat(300) })).toMatchObject({
    error: expect.stringContaining('at most 255 bytes'),
  })
  expect(await refused('add_consumer', { queue: app.config.platformQueue })).toMatchObject({
    error: expect.stringContaining('read by the monitor'),
  })
  expect(await refused('cancel_consumer', { queue: 'nobody' })).toEqual({
    error: `ValueError("queue is 'nobody', expected one that is taken from: export")`,
  })
  expect(await (await add.delay(1, 1)).get(WAIT)).toBe(2)
})

test('shutdown stops a worker warmly', async () => {
  const { app, worker, hang, end } = await operated()
  const running = await hang.delay()
  await waitFor('it to run', () => worker.running === 1)
  expect(await app.control.shutdown(ASKED)).toEqual([{ [NAME]: { ok: 'shutting down' } }])
  expect(await app.control.ping({ destination: [NAME], timeoutMs: 5_000 })).toHaveLength(1)
  end.resolve()
  await worker.ended
  expect(await running.get(WAIT)).toBe('ended')
})

test('shutdown waits no longer than the grace that the worker was started with', async () => {
  const { app, worker, hang } = await operated({}, { graceMs: 30 })
  await hang.delay()
  await waitFor('it to run', () => worker.running === 1)
  await app.control.shutdown(ASKED)
  await worker.ended
})

test.each([1, 'yes', true])(
  'a task is terminated where terminate is %j, as Python takes it',
  async (terminate) => {
    const { app, hang, worker } = await operated()
    const running = await hang.delay()
    await waitFor('it to run', () => worker.running === 1)
    const args = { task_id: running.id, terminate, signal: 'SIGTERM' }
    expect(await app.control.broadcast('revoke', args, ASKED)).toEqual([
      { [NAME]: { ok: `terminate: ${running.id}` } },
    ])
    await expect(running.get(WAIT)).rejects.toMatchObject({ excArgs: ['terminated'] })
  },
)

test.each([0, null, ''])('a task is only revoked where terminate is %j', async (terminate) => {
  const { app } = await operated()
  const [reply] = await app.control.broadcast('revoke', { task_id: 'x', terminate }, ASKED)
  expect(reply).toEqual({ [NAME]: { ok: "tasks {'x'} flagged as revoked" } })
})

test.each([
  ['SIGNONE', "'SIGNONE'"],
  [999, '999'],
  [-9, '-9'],
  [true, 'True'],
  [[9, 15], '[9, 15]'],
  [{ toString: 1, valueOf: 1 }, "{'toString': 1, 'valueOf': 1}"],
])('the signal %j, which is none, is refused before anything is revoked', async (signal, shown) => {
  const { app } = await operated()
  const args = { task_id: 'x', terminate: true, signal }
  const [reply] = await app.control.broadcast('revoke', args, ASKED)
  const text = `signal is ${shown}, expected the name or the number of a signal`
  expect(reply).toMatchObject({ [NAME]: { error: expect.stringContaining(text) } })
  expect(await app.control.inspect({ destination: NAME }).revoked()).toEqual({ [NAME]: [] })
})

test.each(['SIGKILL', 'kill', 9, '', 0, null])('the signal %j is one', async (signal) => {
  const { app } = await operated()
  const args = { task_id: 'x', terminate: true, signal }
  expect(await app.control.broadcast('revoke', args, ASKED)).toEqual([
    { [NAME]: { ok: 'terminate: tasks unknown' } },
  ])
})

test('a revoke that names no task is refused', async () => {
  const { app } = await operated()
  expect(await app.control.broadcast('revoke', { terminate: true }, ASKED)).toEqual([
    { [NAME]: { error: "ValueError('task_id is None, expected a task id, or a list of them')" } },
  ])
})

test('time limits that are none are refused', async () => {
  const { app } = await operated()
  const args = { task_name: 'export.add', soft: 'soon' }
  expect(await app.control.broadcast('time_limit', args, ASKED)).toEqual([
    { [NAME]: { error: `ValueError("soft is 'soon', expected seconds, 0 or more, or None")` } },
  ])
})

async function depth(app: ReturnType<typeof embeddedApp>, queue: string): Promise<number> {
  return (await app.broker().depth(queue)).messages
}

/** A worker with one slot. */
async function operated(
  settings: Parameters<typeof embeddedApp>[0] = {},
  options: Parameters<typeof startWorker>[1] = {},
) {
  const app = embeddedApp({ queues: ['export', 'night'], ...settings })
  const end = deferred<void>()
  const add = app.task('export.add', (a: number, b: number) => a + b)
  const hang = app.task('export.hang', async () => {
    await end.promise
    return 'ended'
  })
  const worker = await startWorker(app, {
    name: NAME,
    queues: ['export'],
    concurrency: 1,
    ...options,
  })
  return { app, worker, add, hang, end }
}

test('a pool grows and shrinks, what waits starts, and stats follows', async () => {
  const { app, hang, worker } = await operated({ worker_prefetch_multiplier: 2 })
  await Promise.all([1, 2, 3].map(async () => hang.delay()))
  await waitFor('one to run', () => worker.running === 1)
  expect(await app.control.poolGrow(2, ASKED)).toEqual([{ [NAME]: { ok: 'pool will grow' } }])
  await waitFor('all to run', () => worker.running === 3)
  expect(await stats(app)).toMatchObject({ pool: { 'max-concurrency': 3 }, prefetch_count: 6 })
  expect(await app.control.poolShrink(1, ASKED)).toEqual([{ [NAME]: { ok: 'pool will shrink' } }])
  expect(await stats(app)).toMatchObject({ pool: { 'max-concurrency': 2 }, prefetch_count: 4 })
})

test('a pool with autoscale is scaled, not grown', async () => {
  const { app } = await operated({}, { autoscale: { max: 4, min: 2 } })
  expect(await stats(app)).toMatchObject({
    pool: { 'max-concurrency': 2 },
    autoscaler: { max: 4, min: 2, current: 2 },
  })
  expect(await app.control.autoscale(6, 3, ASKED)).toEqual([
    { [NAME]: { ok: 'autoscale now max=6 min=3' } },
  ])
  expect(await stats(app)).toMatchObject({
    pool: { 'max-concurrency': 3 },
    autoscaler: { max: 6, min: 3 },
  })
  const text = 'is not supported with autoscale. Adjust autoscale range instead.'
  expect(await app.control.poolGrow(1, ASKED)).toEqual([{ [NAME]: { error: `pool_grow ${text}` } }])
  expect(await app.control.autoscale(1, 2, ASKED)).toEqual([
    { [NAME]: { error: "ValueError('min is 2, expected at most max, which is 1')" } },
  ])
  expect(await app.control.autoscale(0, 0, ASKED)).toEqual([
    { [NAME]: { error: "ValueError('max is 0, expected a whole number, 1 or more')" } },
  ])
})

test('sizes that a pool cannot have are refused with the name, the value and what was expected', async () => {
  const { app } = await operated()
  const refused = async (method: string, args: Record<string, unknown>): Promise<unknown> => {
    const [reply] = await app.control.broadcast(method, args, ASKED)
    return reply?.[NAME]
  }
  const whole = 'expected a whole number, 1 or more'
  expect(await refused('pool_grow', { n: 'x' })).toEqual({
    error: `ValueError("n is 'x', ${whole}")`,
  })
  expect(await refused('pool_grow', { n: -1 })).toEqual({
    error: `ValueError('n is -1, ${whole}')`,
  })
  expect(await refused('pool_grow', { n: 1.5 })).toEqual({
    error: `ValueError('n is 1.5, ${whole}')`,
  })
  expect(await refused('pool_shrink', { n: 1 })).toEqual({
    error: "ValueError('n is 1, expected a number that leaves 1 or more of the 1 slots')",
  })
  expect(await refused('autoscale', { max: 3, min: 1 })).toEqual({
    error: "ValueError('Autoscale not enabled')",
  })
  expect(await refused('pool_restart', {})).toEqual({
    error: "ValueError('Pool restarts not enabled')",
  })
  expect(await stats(app)).toMatchObject({ pool: { 'max-concurrency': 1 } })
})

test('a pool is restarted where worker_pool_restarts lets it', async () => {
  const { app, add } = await operated({ worker_pool_restarts: true })
  expect(await app.control.poolRestart(ASKED)).toEqual([{ [NAME]: { ok: 'reload started' } }])
  expect(await (await add.delay(1, 1)).get(WAIT)).toBe(2)
})

async function stats(app: ReturnType<typeof embeddedApp>): Promise<unknown> {
  const { [NAME]: answer } = await app.control.inspect({ destination: NAME }).stats()
  return answer
}
