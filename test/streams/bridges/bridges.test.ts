import { expect, test } from 'vitest'
import { encodeJson } from '../../../src/codecs/json/json.ts'
import { Config } from '../../../src/config/config.ts'
import { createApp } from '../../../src/create-app.ts'
import { Recipe } from '../../../src/recipes/index.ts'
import {
  Block,
  fromTasks,
  operator,
  toFlow,
  toRecipe,
  toTask,
  withHeaders,
} from '../../../src/streams/index.ts'
import { waitFor } from '../../support/wait-for.ts'
import { Collector } from '../support/parts.ts'

const same = operator((message: unknown) => message)

test('toTask calls a task with each result, and with the headers of the message', async () => {
  const calls: unknown[] = []
  const add = {
    name: 'export.add',
    applyAsync: async (args: unknown, options: unknown) => void calls.push([args, options]),
  }
  const listeners = [[1, 2]]
  await new Block('plain', same, { listeners, publishers: [toTask(add)] }).run()
  await new Block(
    'full',
    operator((n: number) => withHeaders(n, { run: 'r' })),
    {
      listeners: [[3]],
      publishers: [toTask<number>(add, { args: (n) => [n, n], options: () => ({ priority: 5 }) })],
    },
  ).run()
  expect(calls).toEqual([
    [[1], {}],
    [[2], {}],
    [[3, 3], { headers: { run: 'r' }, priority: 5 }],
  ])
})

test('toTask publishes real calls of an app', async () => {
  const config = new Config({
    queues: ['export'],
    broker_url: 'memory://streams-bridge',
    result_backend: null,
  })
  await using app = createApp(config)
  const add = app.task('export.add', (x: number) => x + 1)
  await new Block('calls', same, { listeners: [[1, 2, 3]], publishers: [toTask(add)] }).run()
  expect((await app.broker().depth('export')).messages).toBe(3)
})

test('toFlow posts a job, and toRecipe starts a recipe, for each result', async () => {
  const jobs: unknown[] = []
  const board = { post: async (...job: unknown[]) => void jobs.push(job) }
  const flow = { name: 'reduce' }
  const sent: unknown[] = []
  const transport = { send: (...message: unknown[]) => void sent.push(message) }
  const recipe = { 1: { queue: 'first', service: 'x' }, start: [[1, []]] as const }
  await new Block('both', same, {
    listeners: [[{ n: 1 }]],
    publishers: [toFlow(board, flow), toRecipe(transport, recipe)],
  }).run()
  expect(jobs).toEqual([[flow, { message: { n: 1 } }, { name: 'reduce' }]])
  expect(sent).toEqual([
    [
      'first',
      expect.objectContaining({
        payload: { n: 1 },
        'recipe-pointer': 1,
        recipe,
        'recipe-path': [],
      }),
      { headers: { 'workflows-recipe': true } },
    ],
  ])
})

test('toRecipe takes a Recipe, and sends to queues and topics as its start nodes say', async () => {
  const sent: unknown[] = []
  const record = (kind: string) => (where: string, message: unknown, options: object) =>
    void sent.push([kind, where, JSON.parse(encodeJson(message)).payload, options])
  const transport = { send: record('queue'), broadcast: record('topic') }
  const recipe = new Recipe({
    start: [
      [1, null],
      [2, null],
    ],
    1: { queue: 'first', exchange: 'mine', 'transport-delay': 3 },
    2: { topic: 'news' },
  })
  await new Block('recipe', same, {
    listeners: [[7]],
    publishers: [toRecipe(transport, recipe)],
  }).run()
  const headers = { 'workflows-recipe': true }
  expect(sent).toEqual([
    ['queue', 'first', 7, { headers, delay: 3, exchange: 'mine' }],
    ['topic', 'news', 7, { headers }],
  ])
})

test('a recipe whose start goes nowhere is refused before anything runs', () => {
  const transport = { send: () => undefined }
  expect(() => toRecipe(transport, { start: [[1, null]], 1: {} })).toThrow(
    'the start node 1 has neither queue nor topic',
  )
})

test('fromTasks listens to the events of tasks', async () => {
  const config = new Config({
    queues: ['export'],
    broker_url: 'memory://streams-events',
    result_backend: null,
  })
  await using app = createApp(config)
  const out = new Collector<{ type: string }>()
  const block = new Block('events', same, { listeners: [fromTasks(app)], publishers: [out] })
  await block.start()
  await app.broker().publish(
    {
      headers: {},
      properties: { contentType: 'application/json' },
      body: Buffer.from('{"type": "task-failed", "uuid": "u"}'),
    },
    { exchange: 'celeryev', routingKey: 'task.failed' },
  )
  await waitFor('the event', () => out.messages.length === 1)
  await block.stop()
  expect(out.messages[0]).toMatchObject({ type: 'task-failed', uuid: 'u' })
})
