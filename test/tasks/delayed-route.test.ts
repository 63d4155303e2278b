import { expect, onTestFinished, test, vi } from 'vitest'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import {
  delayedRoutingKey,
  LONGEST_DELAY_SECONDS,
} from '../../src/protocol/routing/delayed-delivery.ts'
import { delayedRoute, delayedTopology } from '../../src/tasks/calls/delayed-route.ts'
import { embeddedApp } from '../support/embedded-app.ts'

const NOW = Date.parse('2031-02-03T04:05:06Z')
const EXPORT = { exchange: 'task_exchange', routingKey: 'export' }
const ON = { NATIVE_DELAYED_DELIVERY: true } as const

test.each([
  ['RabbitMQ with a quorum queue', { task_default_queue_type: 'quorum' }, true],
  ['RabbitMQ over TLS', { task_default_queue_type: 'quorum', broker_url: 'amqps://host' }, true],
  ['RabbitMQ with classic queues', {}, false],
  ['memory', { task_default_queue_type: 'quorum', broker_url: 'memory://' }, false],
  ['SQS', { task_default_queue_type: 'quorum', broker_url: 'sqs://' }, false],
  ['RabbitMQ, switched on', ON, true],
  ['RabbitMQ, switched off', { ...off(), task_default_queue_type: 'quorum' }, false],
  ['memory, switched on', { ...ON, broker_url: 'memory://' }, true],
  ['SQS, which has no exchanges, switched on', { ...ON, broker_url: 'sqs://' }, false],
] satisfies [string, Partial<ConfigOptions>, boolean][])(
  'the broker holds messages back on %s',
  (_, settings, expected) => {
    expect(delayedTopology(configWith(settings)) !== null).toBe(expected)
  },
)

test('one quorum queue among classic ones is enough', () => {
  const config = configWith({
    task_queues: [
      { name: 'export', queue_arguments: { 'x-queue-type': 'quorum' } },
      { name: 'msg' },
    ],
  })
  expect(delayedTopology(config)?.queues).toHaveLength(28)
})

test('the levels are of the type that the config names', () => {
  const types = (['classic', 'quorum'] as const).map((type) => {
    const config = configWith({ ...ON, broker_native_delayed_delivery_queue_type: type })
    return delayedTopology(config)?.queues[0]?.arguments['x-queue-type']
  })
  expect(types).toEqual(['classic', 'quorum'])
})

test('a delay is counted in whole seconds', () => {
  const config = configWith(ON)
  expect(delayedRoute(EXPORT, eta(90_061.9), config, NOW)).toEqual({
    exchange: 'celery_delayed_27',
    routingKey: delayedRoutingKey(90_061, 'export'),
  })
})

test('a countdown that became an eta a moment ago loses nothing of its seconds', () => {
  const { routingKey } = delayedRoute(EXPORT, eta(4.97), configWith(ON), NOW)
  expect(routingKey).toBe(delayedRoutingKey(5, 'export'))
})

test.each([
  ['no eta', null],
  ['an eta in the past', eta(-5)],
  ['an eta that is now', eta(0)],
  ['less than a second to wait', eta(0.9)],
])('a message with %s is published at once', (_, due) => {
  expect(delayedRoute(EXPORT, due, configWith(ON), NOW)).toEqual(EXPORT)
})

test('a delay that no level can hold is the longest there is', () => {
  const { routingKey } = delayedRoute(EXPORT, '2131-01-01T00:00:00Z', configWith(ON), NOW)
  expect(routingKey).toBe(delayedRoutingKey(LONGEST_DELAY_SECONDS, 'export'))
})

test.each([
  ['the default exchange', { exchange: '', routingKey: 'export' }],
  ['an exchange that nobody here knows', { exchange: 'other', routingKey: 'export' }],
  ['a key that no queue takes', { exchange: 'direct', routingKey: 'nowhere' }],
  ['a direct exchange', { exchange: 'direct', routingKey: 'exact' }],
  ['a key that leads elsewhere too after a delay', { exchange: 'one', routingKey: 'shared' }],
  ['a key that is too long with a delay', { exchange: 'one', routingKey: `a.${'b'.repeat(199)}` }],
])('a message for %s waits in the worker instead', (_, route) => {
  const config = configWith({
    ...ON,
    task_queues: [
      { name: 'exact', exchange: 'direct', exchange_type: 'direct', routing_key: 'exact' },
      { name: 'first', exchange: 'one', exchange_type: 'topic', routing_key: 'shared' },
      { name: 'long', exchange: 'one', exchange_type: 'topic', routing_key: 'a.#' },
      { name: 'second', exchange: 'two', exchange_type: 'topic', routing_key: 'shared' },
    ],
  })
  expect(delayedRoute(route, eta(60), config, NOW)).toEqual(route)
})

test.each([
  ['held by an odd delay', 'celery_delayed_delivery', 5],
  ['held by an even delay', 'celery_delayed_1', 4],
])('the route of a delivery that was %s is where it was meant to go', (_, exchange, seconds) => {
  const arrived = { exchange, routingKey: delayedRoutingKey(seconds, 'export') }
  for (const config of [configWith(ON), configWith(off())]) {
    expect(delayedRoute(arrived, null, config, NOW)).toEqual(EXPORT)
  }
})

test('a message that is delayed again has one delay in its routing key', () => {
  const arrived = { exchange: 'celery_delayed_1', routingKey: delayedRoutingKey(4, 'export') }
  expect(delayedRoute(arrived, eta(9), configWith(ON), NOW)).toEqual({
    exchange: 'celery_delayed_27',
    routingKey: delayedRoutingKey(9, 'export'),
  })
})

test('where two exchanges may be the first, a delivery goes back by the exchange it came from', () => {
  const config = configWith({
    ...ON,
    task_queues: ['one', 'two'].map((exchange) => ({
      name: exchange,
      exchange,
      exchange_type: 'topic',
      routing_key: 'shared',
    })),
  })
  const arrived = { exchange: 'celery_delayed_0', routingKey: delayedRoutingKey(2, 'shared') }
  const back = { ...arrived, exchange: 'celery_delayed_delivery' }
  expect(delayedRoute(arrived, null, config, NOW)).toEqual(back)
  expect(delayedRoute(arrived, eta(3), config, NOW)).toEqual({
    exchange: 'celery_delayed_27',
    routingKey: delayedRoutingKey(3, 'shared'),
  })
})

test('a delayed call is mirrored at once and comes to its queue when it is due', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const app = embeddedApp(ON)
  const depth = async (queue: string): Promise<number> => (await app.broker().depth(queue)).messages
  const called = await app.sendTask('export.pdf', ['a'], {}, { countdown: 6 })
  expect(await depth('export')).toBe(0)
  const copy = await app.broker().get('platform.fifo')
  expect(copy?.message.headers).toMatchObject({ id: called.id, task: 'export.pdf' })
  expect(copy?.route).toEqual({
    exchange: 'celery_delayed_27',
    routingKey: delayedRoutingKey(6, 'export'),
  })
  await vi.advanceTimersByTimeAsync(5_900)
  expect(await depth('export')).toBe(0)
  await vi.advanceTimersByTimeAsync(200)
  const delivery = await app.broker().get('export')
  expect(delivery?.message.body).toEqual(copy?.message.body)
  expect(delivery?.message.headers.eta).toBe(copy?.message.headers.eta)
  expect(await depth('platform.fifo')).toBe(1)
})

test('a delay that its broker cannot hold is left to the worker', async () => {
  const app = embeddedApp()
  await app.sendTask('export.pdf', ['a'], {}, { countdown: 60 })
  expect((await app.broker().depth('export')).messages).toBe(1)
})

function configWith(settings: Partial<ConfigOptions>): Config {
  return new Config({
    queues: ['export'],
    broker_url: 'amqp://localhost',
    result_backend: 'memory://',
    dotenv: false,
    environment: {},
    ...settings,
  })
}

function off(): Partial<ConfigOptions> {
  return { NATIVE_DELAYED_DELIVERY: false }
}

function eta(seconds: number): string {
  return new Date(NOW + seconds * 1_000).toISOString()
}
