import { expect, onTestFinished, test, vi } from 'vitest'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import { EventReceiver } from '../../src/events/event-receiver.ts'
import { silentLogger } from '../../src/logger.ts'
import { pruneTimer } from '../../src/monitor/retention/prune-timer.ts'
import { compressMessage } from '../../src/protocol/compressed-message.ts'
import type { Topology } from '../../src/protocol/routing/topology.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { setByControl } from '../../src/worker/control/worker-control.ts'
import { poolOptions, workerSettings } from '../../src/worker/worker-options.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

// Settings that no other test needs: each with another value than its default.

test('the settings of a pool and its children reach the worker, unless an option is given', () => {
  const { config } = embeddedApp({
    worker_pool: 'threads',
    worker_concurrency: 3,
    worker_prefetch_multiplier: 2,
    worker_max_tasks_per_child: 7,
    worker_max_memory_per_child: 90_000,
    worker_state_db: 'revoked.json',
    task_soft_time_limit: 5,
    task_time_limit: 9,
  })
  const expected = {
    pool: 'threads',
    concurrency: 3,
    prefetch: 6,
    maxTasksPerChild: 7,
    maxMemoryPerChild: 90_000,
    stateDb: 'revoked.json',
    limits: { softTimeLimit: 5, timeLimit: 9 },
  }
  expect(workerSettings(config, {})).toMatchObject(expected)
  expect(workerSettings(config, { pool: 'solo', maxTasksPerChild: 1, timeLimit: 2 })).toMatchObject(
    {
      pool: 'async',
      maxTasksPerChild: 1,
      limits: { softTimeLimit: 5, timeLimit: 2 },
    },
  )
})

test('worker_lost_wait and worker_proc_alive_timeout reach the children', () => {
  const { config } = embeddedApp({ worker_lost_wait: 3, worker_proc_alive_timeout: 8 })
  expect(poolOptions(config, {})).toMatchObject({ lostWaitMs: 3_000, aliveTimeoutMs: 8_000 })
})

test('worker_disable_rate_limits: the rate limit of a task is ignored', async () => {
  const app = embeddedApp({ worker_disable_rate_limits: true, task_default_rate_limit: '1/h' })
  const task = app.task('export.limited', { rateLimit: '1/h' }, () => 'done')
  await startWorker(app)
  const calls = await Promise.all([task.delay(), task.delay(), task.delay()])
  const values = await Promise.all(calls.map((call) => call.get({ timeoutMs: 5_000 })))
  expect(values).toEqual(['done', 'done', 'done'])
})

test('task_default_priority is the priority of a message that names none', async () => {
  const app = embeddedApp({ task_default_priority: 4 })
  const task = app.task('export.plain', () => 'done')
  await task.delay()
  await task.applyAsync([], { priority: 1 })
  expect([await priorityOf(app.broker()), await priorityOf(app.broker())].sort()).toEqual([1, 4])
})

test.each([
  [3, '([1, [2, [...]]],)', "{'by': {'name': {'more': {...}}}}"],
  [1, '([...],)', "{'by': {...}}"],
  [0, '([1, [2, [3, [4]]]],)', "{'by': {'name': {'more': {'x': 1}}}}"],
])('task_repr_maxlevels: %i levels of arguments are shown', async (levels, args, kwargs) => {
  const app = embeddedApp({ task_repr_maxlevels: levels })
  await app.sendTask('export.deep', [[1, [2, [3, [4]]]]], { by: { name: { more: { x: 1 } } } })
  const delivery = await app.broker().get('export')
  expect(delivery?.message.headers).toMatchObject({ argsrepr: args, kwargsrepr: kwargs })
})

const BESIDE = { TOPOLOGY: 'celery', queues: ['celery'] } as const

test.each([
  [{}, { name: 'new', arguments: {} }, { name: 'new', type: 'direct' }],
  [
    { task_create_missing_queue_type: 'quorum' },
    { name: 'new', arguments: { 'x-queue-type': 'quorum' } },
    { name: 'new', type: 'direct' },
  ],
  [
    { task_create_missing_queue_exchange_type: 'topic' },
    { name: 'new', arguments: {} },
    { name: 'new', type: 'topic' },
  ],
] satisfies readonly [Partial<ConfigOptions>, object, object][])(
  'beside a plain Celery a queue that only a call names is declared, with %j',
  async (settings, queue, exchange) => {
    const app = embeddedApp({ ...BESIDE, ...settings })
    const declared = vi.spyOn(app.broker(), 'declare')
    await app.sendTask('export.any', [], {}, { queue: 'new' })
    const topologies: readonly Topology[] = declared.mock.calls.map(([topology]) => topology)
    expect(topologies.flatMap(({ queues }) => queues)).toContainEqual(
      expect.objectContaining(queue),
    )
    expect(topologies.flatMap(({ exchanges }) => exchanges)).toContainEqual(
      expect.objectContaining(exchange),
    )
    expect((await app.broker().depth('new')).messages).toBe(1)
  },
)

test('task_create_missing_queues: without it such a call is refused, naming the queues there are', async () => {
  const app = embeddedApp({ ...BESIDE, task_create_missing_queues: false })
  await expect(app.sendTask('export.any', [], {}, { queue: 'new' })).rejects.toThrow(
    'the queue "new", which is not one of the work queues: celery',
  )
})

test('event_queue_*: the queue of an event reader is declared as they say', async () => {
  const { config } = embeddedApp({
    event_queue_durable: true,
    event_queue_expires: 7,
    event_queue_ttl: 2,
    event_queue_prefix: 'watch',
  })
  const broker = new MemoryBroker('events')
  const declared = vi.spyOn(broker, 'declare')
  const receiver = new EventReceiver({
    broker,
    settings: config,
    logger: silentLogger,
    onEvent: () => undefined,
  })
  await receiver.start()
  await receiver.close()
  expect(declared.mock.calls[0]?.[0].queues).toEqual([
    {
      name: expect.stringMatching(/^watch\./),
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: { 'x-expires': 7_000, 'x-message-ttl': 2_000 },
    },
  ])
})

async function priorityOf(broker: { get: MemoryBroker['get'] }): Promise<unknown> {
  const delivery = await waitFor('a message', () => broker.get('export'))
  return delivery?.message.properties.priority
}

test.each([
  ['MESSAGE_LIMIT_BYTES', { MESSAGE_LIMIT_BYTES: 2_000 }, 'x'.repeat(3_000)],
  ['MESSAGE_LIMIT_NODES', { MESSAGE_LIMIT_NODES: 50 }, Array.from({ length: 60 }, () => 0)],
])('%s: a message beyond it is kept aside, unread', async (_, settings, argument) => {
  const app = embeddedApp(settings)
  const ran: unknown[] = []
  const task = app.task('export.any', (value: unknown) => void ran.push(value))
  await startWorker(app)
  // From a producer without these limits: one that has them would not send it.
  const message = encodeTask({ id: 'too-large', task: task.name, args: [argument] })
  const compressed = await compressMessage(message, 'gzip')
  await app.broker().publish(compressed, { exchange: 'task_exchange', routingKey: 'export' })
  const letters = async () => (await app.broker().depth('dlq.export')).messages
  await waitFor('the dead letter', async () => (await letters().catch(() => 0)) === 1)
  expect(ran).toEqual([])
})

test('MESSAGE_LIMIT_NODES: a call, or a result, with more is refused', async () => {
  const app = embeddedApp({ MESSAGE_LIMIT_NODES: 50 })
  const task = app.task('export.any', (count: number) => Array.from({ length: count }, () => 0))
  await startWorker(app)
  await expect(app.sendTask('export.any', [Array.from({ length: 60 }, () => 0)])).rejects.toThrow(
    'cannot encode a call as JSON: it holds more values than MESSAGE_LIMIT_NODES allows',
  )
  const result = await task.delay(60)
  await expect(result.get()).rejects.toThrow('more values than MESSAGE_LIMIT_NODES allows')
})

test('WORKER_REVOKES_MAX and WORKER_REVOKE_EXPIRES: the oldest revoked ids are forgotten', () => {
  const { config } = embeddedApp({ WORKER_REVOKES_MAX: 2, WORKER_REVOKE_EXPIRES: 60 })
  const { revoked } = setByControl(config)
  revoked.add(['expired'], Date.now() - 61_000)
  revoked.add(['a', 'b'])
  expect(revoked.ids).toEqual(['a', 'b'])
  revoked.add(['c'])
  expect(revoked.ids).toEqual(['b', 'c'])
})

test.each([
  [20, [19_000, 2_000], [0, 1]],
  [600, [59_000, 2_000, 600_000], [0, 1, 2]],
])(
  'PRUNE_EVERY %j: history is pruned soon after the start, then as often',
  async (every, spans, turns) => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let pruned = 0
    const turn = (): void => {
      pruned += 1
    }
    const database = { transaction: async () => ({ isBusy: true, turn: turn() }) }
    const pruning = pruneTimer(database as never, { PRUNE_EVERY: every }, { logger: silentLogger })
    await pruning.start()
    const seen: number[] = []
    for (const ms of spans) {
      await vi.advanceTimersByTimeAsync(ms)
      seen.push(pruned)
    }
    expect(seen).toEqual(turns)
    await pruning.stop()
  },
)
