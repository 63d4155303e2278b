import { expect, test } from 'vitest'
import { resolveRoute } from '../../src/protocol/routing/routes.ts'
import { makeConfig, problemsOf } from './make-config.ts'

test('the topology is one durable topic exchange with the default, the platform and the work queues', () => {
  const { exchanges, queues, bindings } = makeConfig({ queues: ['msg', 'export'] }).topology()
  expect(exchanges).toEqual([
    { name: 'task_exchange', type: 'topic', durable: true, autoDelete: false, arguments: {} },
  ])
  expect(queues.map((queue) => queue.name)).toEqual(['celery', 'msg', 'export', 'platform.fifo'])
  expect(new Set(queues.map(({ name: _, ...rest }) => JSON.stringify(rest)))).toEqual(
    new Set([
      JSON.stringify({ durable: true, exclusive: false, autoDelete: false, arguments: {} }),
    ]),
  )
  expect(bindings.map(({ exchange, queue, routingKey }) => [exchange, queue, routingKey])).toEqual([
    ['task_exchange', 'celery', 'celery'],
    ['task_exchange', 'msg', 'msg'],
    ['task_exchange', 'export', 'export'],
    ['task_exchange', 'platform.fifo', '#'],
  ])
})

test('the work queues are all queues but the platform queue', () => {
  const config = makeConfig({ queues: ['export', 'celery'], PLATFORM_QUEUE_NAME: 'mirror' })
  expect(config.workQueues()).toEqual(['celery', 'export'])
  expect(config.platformQueue).toBe('mirror')
})

test('the queue celery is there beside another default queue', () => {
  const config = makeConfig({ task_default_queue: 'main', task_default_routing_key: 'main.#' })
  expect(config.topology().bindings.map(({ queue, routingKey }) => [queue, routingKey])).toEqual([
    ['main', 'main.#'],
    ['export', 'export'],
    ['celery', 'celery'],
    ['platform.fifo', '#'],
  ])
})

test('queue type and priority are declared as set', () => {
  const { queues } = makeConfig({
    task_default_queue_type: 'quorum',
    task_queue_max_priority: 10,
  }).topology()
  expect(queues.map((queue) => queue.arguments)).toEqual(
    Array(3).fill({ 'x-queue-type': 'quorum', 'x-max-priority': 10 }),
  )
})

test('given queues are taken in every form of Celery, and declared once', () => {
  const config = makeConfig({
    task_queue_max_priority: 5,
    task_queues: {
      plain: {},
      keyed: { binding_key: 'k.#' },
      other: { exchange: 'feed', exchange_type: 'fanout', routing_key: 'r', durable: false },
      kombu: { exchange: { name: 'direct' }, queue_arguments: { 'x-max-priority': 1 } },
    },
  })
  expect(config.topology().bindings).toEqual([
    { exchange: 'task_exchange', queue: 'plain', routingKey: 'plain' },
    { exchange: 'task_exchange', queue: 'keyed', routingKey: 'k.#' },
    { exchange: 'feed', queue: 'other', routingKey: 'r' },
    { exchange: 'direct', queue: 'kombu', routingKey: 'kombu' },
  ])
  expect(config.topology().exchanges.map(({ name, type }) => [name, type])).toEqual([
    ['task_exchange', 'topic'],
    ['feed', 'fanout'],
    ['direct', 'direct'],
  ])
  expect(config.topology().queues.map((queue) => queue.arguments['x-max-priority'])).toEqual([
    5, 5, 5, 1,
  ])
  expect(config.queueDefinitions()[3]).toEqual({
    name: 'kombu',
    exchange: 'direct',
    exchangeType: 'direct',
    routingKey: 'kombu',
    arguments: { 'x-max-priority': 1 },
  })
  const named = makeConfig({ task_queues: ['a', { name: 'b', routing_key: 'c' }] })
  expect(named.task_queues.map((queue) => [queue.name, queue.routing_key])).toEqual([
    ['a', 'a'],
    ['b', 'c'],
  ])
})

test.each([
  [{ task_queues: 5 }, 'task_queues: expected a list of names or dicts, or a dict by name'],
  [{ task_queues: [{}] }, 'task_queues: a queue has the name None, expected non-empty text'],
  [
    { task_queues: ['a', { name: 'a' }] },
    'task_queues: queue "a" is there twice, expected each name once',
  ],
  [{ task_queues: [] }, 'task_queues: [] names no queue, expected at least one'],
  [
    { task_queues: { a: { key: 'x' } } },
    'task_queues: queue "a" has the unknown option "key", expected one of name, exchange, exchange_type, routing_key, binding_key, queue_arguments, durable, exclusive, auto_delete',
  ],
  [
    { task_queues: { a: { exchange_type: 'ring' } } },
    `task_queues: queue "a" has exchange_type: 'ring', expected one of topic, direct, fanout, headers`,
  ],
  [
    { task_queues: { a: { durable: 'no' } } },
    `task_queues: queue "a" has durable: 'no', expected true or false`,
  ],
  [
    {
      task_queues: {
        a: { exchange: 'e', exchange_type: 'topic' },
        b: { exchange: 'e', exchange_type: 'direct' },
      },
    },
    'task_queues: exchange "e" has the types topic and direct, expected one',
  ],
  [{ queues: [] }, 'QUEUES: [] names no queue, expected at least one'],
  [{ queues: [' '] }, "QUEUES: ' ' is not a name, expected non-empty text"],
  [{ queues: ['a', 'a'] }, "QUEUES: 'a' is there twice, expected each name once"],
  [
    { queues: ['platform.fifo'] },
    "QUEUES: 'platform.fifo' is the platform queue, expected work queues only",
  ],
  [{ queues: ['ab.#'] }, "QUEUES: 'ab.#' has a wildcard, which would take tasks of other queues"],
  [
    { queues: ['ü'.repeat(128)] },
    `QUEUES: '${'ü'.repeat(128)}' is 256 bytes long, expected 255 at most`,
  ],
  [
    { PLATFORM_QUEUE_NAME: 'celery' },
    "PLATFORM_QUEUE_NAME: 'celery' is the default queue, expected a queue of its own",
  ],
  [{ queues: 'export' }, "QUEUES: 'export' does not fit, expected a list of texts"],
])('%j is a mistake', (options, problem) => {
  expect(problemsOf(options as never)).toEqual([problem])
})

test('tasks go by the first dotted part of their names, and no queue is named', () => {
  const config = makeConfig()
  const route = (task: string) => {
    const { exchange, routingKey, queue } = resolveRoute({
      task,
      args: [],
      kwargs: {},
      options: {},
      routers: config.task_routes,
      queues: config.queueDefinitions(),
      defaults: config.routeDefaults(),
    })
    return [exchange, routingKey, queue]
  }
  expect(route('export.project.pdf')).toEqual(['task_exchange', 'export', null])
  expect(route('celery.chord_unlock')).toEqual(['task_exchange', 'celery', null])
})

test.each([
  ['a dict', { 'proj.*': 'export', 'a.b': { queue: 'export' } }],
  ['a Map with a regular expression', new Map([[/^x/, { routing_key: 'export' }]])],
  [
    'a list of pairs',
    [
      [/^x/, 'export'],
      ['a', 'export'],
    ],
  ],
  ['a list of routers', [() => null, { a: 'export' }]],
  ['a function', () => 'export'],
])('task_routes may be %s', (_, task_routes) => {
  expect(makeConfig({ task_routes } as never).source('task_routes')).toBe('argument')
})

test.each([['app.routes.Router'], [5], [{ a: 5 }], [[5]]])(
  'task_routes %j is a mistake',
  (task_routes) => {
    expect(problemsOf({ task_routes } as never)).toEqual([
      expect.stringMatching(/^task_routes: .* does not fit, expected a function, a dict/),
    ])
  },
)

test.each([
  [{}, 'sqs://'],
  [{ broker_url: 'amqp://u:p@mq:5673/v' }, 'amqp://u:p@mq:5673/v'],
  [{ broker_url: 'pyamqp://mq', broker_transport: 'sqs' }, 'amqp://mq'],
  [{ broker_url: 'memory://' }, 'memory://'],
  [{ broker_url: '' }, 'sqs://'],
  [{ broker_url: ['amqp://a', 'amqp://b'] }, 'amqp://a'],
  [{ broker_transport: 'memory' }, 'memory://'],
  [{ broker_transport: 'amqp' }, 'amqp://localhost'],
  [
    {
      broker_transport: 'amqps',
      broker_host: 'mq',
      broker_port: 5671,
      broker_user: 'u',
      broker_password: 'p@',
      broker_vhost: 'a/b',
    },
    'amqps://u:p%40@mq:5671/a%2Fb',
  ],
])('the broker of %j is at %s', (options, url) => {
  expect(makeConfig(options).brokerUrl).toBe(url)
})

test('several urls are kept to fail over to', () => {
  expect(makeConfig({ broker_url: 'amqp://a; amqps://b' }).brokerUrls).toEqual([
    'amqp://a',
    'amqps://b',
  ])
})

test.each([
  [
    { broker_url: 'redis://u:hunter2@h' },
    "broker_url: 'redis://u:***@h' has an unknown transport, expected amqp, amqps, sqs or memory",
  ],
  [
    { broker_transport: 'kafka' },
    "broker_transport: 'kafka' is unknown, expected amqp, amqps, sqs or memory",
  ],
])('a broker that is not spoken is a mistake', (options, problem) => {
  expect(problemsOf(options)).toEqual([problem])
})
