import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  DELAYING_EXCHANGE,
  DELIVERY_EXCHANGE,
  delayedBindings,
  delayedRoutingKey,
  delayLevels,
  isDelayExchange,
  LONGEST_DELAY_SECONDS,
  undelayedRoutingKey,
} from '../../src/protocol/routing/delayed-delivery.ts'
import {
  bindingTakes,
  durableExchange,
  durableQueue,
  type Topology,
} from '../../src/protocol/routing/topology.ts'
import { messagesIn, readRecording } from './recorded.ts'

interface RecordedTopology {
  readonly topology: {
    readonly exchanges: readonly RecordedExchange[]
    readonly queues: readonly RecordedQueue[]
    readonly bindings: readonly RecordedBinding[]
  }
}
interface RecordedExchange {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly auto_delete: boolean
  readonly arguments: object
}
interface RecordedQueue extends Omit<RecordedExchange, 'type'> {
  readonly exclusive: boolean
}
interface RecordedBinding {
  readonly source: string
  readonly destination: string
  readonly destination_type: string
  readonly routing_key: string
}

const recorded = readRecording<RecordedTopology>('topology-native-delayed-delivery').topology

/** The task queue of the recording. */
const taskQueue: Topology = {
  exchanges: [durableExchange('nd_x', 'topic')],
  queues: [durableQueue('nd.main', { 'x-queue-type': 'quorum' })],
  bindings: [{ exchange: 'nd_x', queue: 'nd.main', routingKey: 'nd.main' }],
}

test('the levels are the exchanges and queues that a Python worker declares', () => {
  const { exchanges, queues } = delayLevels('quorum')
  const recordedExchanges = recorded.exchanges
    .filter(({ name }) => name.startsWith('celery_delayed'))
    .map(({ name, type, durable, auto_delete, arguments: args }) => ({
      name,
      type,
      durable,
      autoDelete: auto_delete,
      arguments: args,
    }))
  const recordedQueues = recorded.queues
    .filter(({ name }) => name.startsWith('celery_delayed'))
    .map(({ name, durable, exclusive, auto_delete, arguments: args }) => ({
      name,
      durable,
      exclusive,
      autoDelete: auto_delete,
      arguments: args,
    }))
  expect(byName(exchanges)).toEqual(byName(recordedExchanges))
  expect(byName(queues)).toEqual(byName(recordedQueues))
  expect(queues).toHaveLength(28)
})

test('the bindings are those that a Python worker makes', () => {
  const levels = delayLevels('quorum')
  const ways = delayedBindings(taskQueue)
  const ours = [
    ...[...taskQueue.bindings, ...levels.bindings, ...ways.bindings].map(
      ({ exchange, queue, routingKey }) => `${exchange} > queue ${queue}: ${routingKey}`,
    ),
    ...[...levels.exchangeBindings, ...ways.exchangeBindings].map(
      ({ source, destination, routingKey }) => `${source} > exchange ${destination}: ${routingKey}`,
    ),
  ]
  const theirs = recorded.bindings
    .filter(({ source }) => /^(celery_delayed|nd_x)/.test(source))
    .map(
      ({ source, destination, destination_type, routing_key }) =>
        `${source} > ${destination_type} ${destination}: ${routing_key}`,
    )
  expect(ours.sort()).toEqual(theirs.sort())
})

test('classic levels have no dead-letter strategy, which only quorum queues know', () => {
  const [first] = delayLevels('classic').queues
  expect(first?.arguments).toEqual({
    'x-queue-type': 'classic',
    'x-overflow': 'reject-publish',
    'x-message-ttl': 134_217_728_000,
    'x-dead-letter-exchange': 'celery_delayed_26',
  })
})

test('a delayed message has the exchange and routing key that were recorded', () => {
  const [message] = messagesIn('native-delayed-message')
  expect(message?.exchange).toBe(DELAYING_EXCHANGE)
  expect(message?.routingKey).toBe(delayedRoutingKey(90_061, 'nd.main'))
})

test('a routing key is found again behind its delay, and is left alone without one', () => {
  expect(undelayedRoutingKey(delayedRoutingKey(5, '1.0.export'))).toBe('1.0.export')
  expect(undelayedRoutingKey('1.0.export')).toBe('1.0.export')
})

test('any delay is the sum of the times of the levels that hold the message', () => {
  const levels = delayLevels('quorum')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: LONGEST_DELAY_SECONDS }), (seconds) => {
      expect(travel(levels, delayedRoutingKey(seconds, 'export'))).toBe(seconds * 1_000)
    }),
  )
})

test('queues on direct exchanges, and on none, cannot be reached after a delay', () => {
  const bindings = [
    { exchange: 'direct', queue: 'a', routingKey: 'a' },
    { exchange: 'unknown', queue: 'a', routingKey: 'a' },
  ]
  expect(delayedBindings({ exchanges: [durableExchange('direct', 'direct')], bindings })).toEqual({
    bindings: [],
    exchangeBindings: [],
  })
})

test('a key that takes any words before it is bound as it is', () => {
  const bindings = [{ exchange: 'tasks', queue: 'platform.fifo', routingKey: '#' }]
  expect(delayedBindings({ exchanges: [durableExchange('tasks', 'topic')], bindings })).toEqual({
    bindings,
    exchangeBindings: [{ source: DELIVERY_EXCHANGE, destination: 'tasks', routingKey: '#' }],
  })
})

test.each([
  ['celery_delayed_0', true],
  ['celery_delayed_27', true],
  ['celery_delayed_delivery', true],
  ['celery_delayed_reports', false],
  ['task_exchange', false],
  ['', false],
])('the exchange "%s" is one of delays: %s', (exchange, expected) => {
  expect(isDelayExchange(exchange)).toBe(expected)
})

/** How long a message is held between the first exchange and the last. */
function travel(levels: Required<Topology>, routingKey: string): number {
  let exchange = DELAYING_EXCHANGE
  let heldMs = 0
  while (exchange !== DELIVERY_EXCHANGE) {
    const takes = (binding: { routingKey: string }): boolean =>
      bindingTakes('topic', binding, routingKey)
    const held = levels.bindings.filter((one) => one.exchange === exchange && takes(one))
    const passed = levels.exchangeBindings.filter((one) => one.source === exchange && takes(one))
    expect(held.length + passed.length).toBe(1)
    const queue = levels.queues.find(({ name }) => name === held[0]?.queue)
    heldMs += Number(queue?.arguments['x-message-ttl'] ?? 0)
    exchange = passed[0]?.destination ?? String(queue?.arguments['x-dead-letter-exchange'])
  }
  return heldMs
}

function byName<Named extends { readonly name: string }>(all: readonly Named[]): readonly Named[] {
  return all.toSorted((one, other) => one.name.localeCompare(other.name))
}
