import { describe, expect, test } from 'vitest'
import type { RouteOptions } from '../../src/protocol/routing/route-options.ts'
import { firstPartRouter, type Router } from '../../src/protocol/routing/routers.ts'
import {
  type QueueDefinitions,
  type RouteInput,
  resolveRoute,
  topologyOf,
  workQueuesReached,
} from '../../src/protocol/routing/routes.ts'
import { messagesIn, readRecording } from './recorded.ts'

interface RoutingCase {
  readonly label: string
  readonly task_routes: Router | null
  readonly options: Readonly<Record<string, string>>
  readonly exchange: string
  readonly routing_key: string
  readonly priority: number
}

const DEFAULTS = {
  queue: 'm.main',
  exchange: 'm.main',
  exchangeType: 'direct',
  routingKey: 'm.main',
} as const

const TOOLBOX_QUEUES: QueueDefinitions = [
  { name: 'celery', routingKey: 'celery' },
  { name: 'platform.fifo', routingKey: '#' },
  { name: 'msg', routingKey: 'msg' },
  { name: 'export', routingKey: 'export' },
].map((queue) => ({ ...queue, exchange: 'task_exchange', exchangeType: 'topic' }))

const TOOLBOX_DEFAULTS = {
  queue: 'celery',
  exchange: 'task_exchange',
  exchangeType: 'topic',
  routingKey: 'celery',
} as const

describe('a call goes where Python sends it', () => {
  const { cases } = readRecording<{ cases: readonly RoutingCase[] }>('routing-table')

  test.each(cases.map((one): [string, RoutingCase] => [one.label, one]))('%s', (_, one) => {
    const options = Object.fromEntries(
      Object.entries(one.options).map(([name, value]) => [
        name === 'routing_key' ? 'routingKey' : name,
        value,
      ]),
    )
    const route = resolveRoute(input({ routers: one.task_routes, options }))
    expect(route).toMatchObject({ exchange: one.exchange, routingKey: one.routing_key })
    expect(route.priority ?? 0).toBe(one.priority)
  })
})

describe('the toolbox’s router gives the routes that were recorded', () => {
  test.each([
    ['cadasta-amqp-topic', {}],
    ['cadasta-amqp-builtin-task', {}],
    ['cadasta-amqp-explicit-queue', { queue: 'msg' }],
  ])('%s', (recording, options) => {
    for (const { message, exchange, routingKey } of messagesIn(recording)) {
      const route = resolveRoute(toolboxInput(String(message.headers.task), options))
      expect(route).toMatchObject({ exchange, routingKey })
    }
  })
})

test('a queue named by the call is declared, though the route keeps its exchange and key', () => {
  const route = resolveRoute(toolboxInput('export.project', { queue: 'msg' }))
  expect(route).toMatchObject({ exchange: 'task_exchange', routingKey: 'export', queue: 'msg' })
  expect(route.declare?.queues.map(({ name }) => name)).toEqual(['msg'])
})

test('a route by exchange and key declares nothing', () => {
  expect(resolveRoute(toolboxInput('export.project'))).toMatchObject({ queue: null, declare: null })
})

test('an undefined queue gets a direct exchange of its own name and is reached by its name', () => {
  const route = resolveRoute(input({ options: { queue: 'new' } }))
  expect(route).toMatchObject({ exchange: '', routingKey: 'new', queue: 'new' })
  expect(route.declare).toEqual({
    exchanges: [{ name: 'new', type: 'direct', durable: true, autoDelete: false, arguments: {} }],
    queues: [{ name: 'new', durable: true, exclusive: false, autoDelete: false, arguments: {} }],
    bindings: [{ exchange: 'new', queue: 'new', routingKey: 'new' }],
  })
})

test('a queue on a topic exchange is reached through its exchange, by its own key or the call’s', () => {
  const toQueue = { ...toolboxInput('t'), routers: null }
  expect(resolveRoute({ ...toQueue, options: { queue: 'export' } })).toMatchObject({
    exchange: 'task_exchange',
    routingKey: 'export',
  })
  expect(resolveRoute({ ...toQueue, options: { routingKey: 'msg' } })).toMatchObject({
    exchange: 'task_exchange',
    routingKey: 'msg',
    queue: 'celery',
  })
})

test('an option of the call wins over the router’s, unless it is null', () => {
  const routers = { t: { queue: 'a', priority: 3, time_limit: 9 } }
  const said = { priority: null, queue: 'b' } as unknown as RouteOptions
  const route = resolveRoute(input({ task: 't', routers, options: said }))
  expect(route).toMatchObject({ queue: 'b', priority: 3 })
  expect(route.options).toEqual({ queue: 'b', priority: 3, timeLimit: 9 })
})

describe('routers', () => {
  test.each<[string, Router, string | null]>([
    ['exact names come before patterns', { 'a.*': 'glob', 'a.b': 'exact' }, 'exact'],
    ['a pattern matches a whole name', { 'a.*': 'glob' }, 'glob'],
    ['a pattern does not match a part of a name', { '*.': 'glob', '*': 'other' }, 'other'],
    ['a star may stand for nothing', { 'a.b*': 'glob' }, 'glob'],
    ['a pattern knows sets and single characters', { '[!b]?[a-c]*': 'glob' }, 'glob'],
    [
      'what means something to a regular expression means itself',
      { 'a+b*': 'glob', '*': 'other' },
      'other',
    ],
    ['a pattern does not match in the middle', { '.b*': 'glob', b: 'other' }, null],
    ['a dot in a pattern is a dot', { 'a*b': 'star', 'axb*': 'no' }, 'star'],
    ['pairs may hold regular expressions', [[/a\.(b|c)/, 'regex']], 'regex'],
    ['so may a Map', new Map([[/^a/g, 'regex']]), 'regex'],
    ['a regular expression must match from the start', [[/b/, 'regex']], null],
    ['a function is asked', (task) => `for-${task}`, 'for-a.b'],
    ['the first router that knows wins', [() => null, { x: 'no' }, { 'a.b': 'yes' }], 'yes'],
    ['no router knows', [() => undefined, {}], null],
    ['names of every object mean nothing', { 'a.c': 'no' }, null],
  ])('%s', (_, routers, queue) => {
    for (const time of [1, 2]) {
      expect([time, resolveRoute(input({ task: 'a.b', routers })).queue]).toEqual([
        time,
        queue ?? 'm.main',
      ])
    }
  })

  test('a task named like a method of every object has no route by it', () => {
    expect(resolveRoute(input({ task: 'toString', routers: {} })).queue).toBe('m.main')
  })

  test('the first part of a task’s name is its key', () => {
    const router = firstPartRouter('x')
    expect(router('export.pdf.now', [], {}, {})).toEqual({
      exchange: { name: 'x', type: 'topic' },
      routingKey: 'export',
    })
    expect(router('plain', [], {}, {})).toMatchObject({ routingKey: 'plain' })
  })
})

describe('the work queues a message comes to', () => {
  const topology = topologyOf(TOOLBOX_QUEUES)
  const reached = (exchange: string, routingKey: string) =>
    workQueuesReached(topology, { exchange, routingKey }, 'platform.fifo')

  test('are those bound with its key, without the platform’s', () => {
    expect(reached('task_exchange', 'export')).toEqual(['export'])
  })

  test('are none where only the platform’s queue takes it', () => {
    expect(reached('task_exchange', 'nosuch')).toEqual([])
  })

  test('are the one it names, by the default exchange', () => {
    expect(reached('', 'msg')).toEqual(['msg'])
    expect(reached('', 'nosuch')).toEqual([])
  })

  test('are none behind an undeclared exchange', () => {
    expect(reached('elsewhere', 'export')).toEqual([])
  })
})

function input(changes: Partial<RouteInput>): RouteInput {
  return {
    task: 'proj.tasks.add',
    args: [],
    kwargs: {},
    options: {},
    routers: null,
    queues: [],
    defaults: DEFAULTS,
    ...changes,
  }
}

function toolboxInput(task: string, options: RouteOptions = {}): RouteInput {
  return input({
    task,
    options,
    routers: firstPartRouter('task_exchange'),
    queues: TOOLBOX_QUEUES,
    defaults: TOOLBOX_DEFAULTS,
  })
}
