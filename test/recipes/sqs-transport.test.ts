import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/brokers/open-broker.ts'
import type { Logger } from '../../src/logger.ts'
import { durableQueue } from '../../src/protocol/routing/topology.ts'
import {
  CommonService,
  FrontEnd,
  openTransport,
  RecipeWrapper,
  SiteConfig,
  SqsTransport,
  TransportError,
  wrapSubscribe,
} from '../../src/recipes/index.ts'
import { Dispatcher } from '../../src/services/dispatcher.ts'
import { fauxqs } from '../brokers/sqs/fauxqs.ts'
import { listen, testTransport } from '../contracts/transport-contract.ts'
import { waitFor } from '../support/wait-for.ts'

const LACKS = { broadcasts: false, temporaryQueues: false, transactions: false, expiration: false }

testTransport(async () => {
  const { open, queue } = await space()
  return { open, queue, topic: async () => 'none' }
}, LACKS)

test('what SQS does not have is refused by name, and nothing is sent', async () => {
  const { open, queue: make } = await space()
  const [queue, transport] = [await make(), open()]
  const calls: readonly [string, () => Promise<unknown>][] = [
    ['a broadcast to "news"', () => transport.broadcast('news', 1)],
    ['a broadcast to "news"', () => transport.rawBroadcast('news', '1')],
    ['broadcast to "news"', () => transport.subscribeBroadcast('news')],
    ['a broadcast to "transient.status"', () => transport.broadcastStatus(STATUS)],
    ['a temporary queue "x"', () => transport.subscribeTemporary('x')],
    ['a transaction', () => transport.transactionBegin()],
    ['an expiration of the message', () => transport.send(queue, 1, { expiration: 5 })],
    ['exchange "other"', () => transport.send(queue, 1, { exchange: 'other' })],
    ['exclusive', () => transport.subscribe(queue, () => undefined, { exclusive: true })],
    ['900000 ms', () => transport.send(queue, 1, { delay: 901 })],
    ['unknown transaction', () => transport.send(queue, 1, { transaction: 7 })],
  ]
  for (const [words, call] of calls) {
    const error = await call().catch((cause: unknown) => cause)
    expect(error, words).toBeInstanceOf(TransportError)
    expect((error as Error).message).toContain(words)
  }
  await transport.send(queue, 'only this')
  const inbox = await listen(transport, queue)
  expect((await inbox.take(1))[0].message).toBe('only this')
})

test('a recipe whose step broadcasts too sends nothing at all', async () => {
  const { open, queue: make } = await space()
  const [queue, transport] = [await make(), open()]
  const recipe = { start: [[1, 'x']], 1: { queue, topic: 'news' } }
  await expect(new RecipeWrapper({ recipe, transport }).start()).rejects.toThrow('a broadcast')
  expect(await transport.depth(queue)).toBe(0)
})

test('a queue that is not there is an error of the send, and has no depth', async () => {
  const { open } = await space()
  const transport = open()
  await expect(transport.send('no.such.queue', 1)).rejects.toThrow('no.such.queue')
  expect(await transport.depth('no.such.queue')).toBeNull()
})

test('a message sent with a delay arrives after it', async () => {
  const { open, queue: make } = await space()
  const [queue, transport] = [await make(), open()]
  const sentAt = performance.now()
  await transport.send(queue, 1, { delay: 1 })
  const inbox = await listen(transport, queue)
  await inbox.take(1)
  expect(performance.now() - sentAt).toBeGreaterThan(900)
})

test('a message that kills what takes it goes to the dead letters with its history', async () => {
  const { open, queue: make } = await space()
  const queue = await make()
  await open().send(queue, 'kills')
  // Each of these takes it and is gone without a word.
  for (let death = 0; death < 3; death += 1) {
    const doomed = open()
    const inbox = await listen(doomed, queue, { acknowledgement: true })
    await inbox.take(1)
    await doomed.disconnect()
  }
  const last = open()
  const seen = await listen(last, queue, { acknowledgement: true })
  const dead = await listen(last, `dlq.${queue}`)
  const [{ header, message }] = await dead.take(1)
  expect([message, seen.all]).toEqual(['kills', []])
  expect(header['x-death']).toMatchObject([{ queue, reason: 'delivery_limit', count: 1 }])
})

test('a pipeline of Dispatcher and service runs on it, and says that it hears no commands', async () => {
  const { open, site } = await space()
  class Add extends CommonService {
    override async initializing(): Promise<void> {
      await wrapSubscribe(
        this.transport,
        'add',
        async (wrapper, header, payload) => {
          await wrapper?.send(Number(payload) + 1)
          await this.transport.ack(header)
        },
        { acknowledgement: true },
      )
    }
  }
  const done = await listen(open(), 'done')
  const texts: string[] = []
  const keep = (fields: object | string, text = String(fields)): void => void texts.push(text)
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => log }
  for (const serviceClass of [Dispatcher, Add]) {
    const config = SiteConfig.fromString(site)
    await config.activate(['live'])
    const frontEnd = new FrontEnd({
      serviceClass,
      config,
      log,
      openTransport: () => openTransport('SqsTransport', { config }),
    })
    const ended = frontEnd.run()
    onTestFinished(async () => {
      await frontEnd.stop({ isAtOnce: true })
      expect(await ended).toBe(0)
    })
    await waitFor('a service', () => frontEnd.service?.transport.subscribedQueues?.length === 1)
  }
  const recipe = { start: [[1, 41]], 1: { queue: 'add', output: 2 }, 2: { queue: 'done' } }
  await open().send('processing_recipe', { custom_recipe: recipe, parameters: {} })
  const [{ message }] = await done.take(1)
  expect(message).toMatchObject({ payload: 42, 'recipe-path': [1] })
  expect(texts.filter((text) => text.includes('no broadcasts'))).toHaveLength(2)
  expect(texts.filter((text) => text.includes('cannot be broadcast'))).toEqual([])
})

const STATUS = { host: 'h', status: 1, workflows: '3.5' }

/** Transports that share their queues, on a server in this process. */
async function space(options: Readonly<Record<string, unknown>> = {}) {
  const { port } = await fauxqs()
  const url = `sqs://key:secret@127.0.0.1:${port}`
  const transportOptions = {
    region: 'us-east-1',
    queue_name_prefix: `t${randomUUID().slice(0, 8)}-`,
    // A poll that waits would keep each end of a transport.
    wait_time_seconds: 0,
    polling_interval: 0.05,
    visibility_timeout: 30,
    ...options,
  }
  const site = JSON.stringify({
    version: 1,
    sqs: { plugin: 'sqs', url, ...transportOptions },
    paths: { plugin: 'storage', 'zocalo.recipe_directory': '/nowhere' },
    environments: { live: ['sqs', 'paths'] },
  })
  return {
    site,
    queue: async (): Promise<string> => {
      const queue = `q.${randomUUID()}`
      await using broker = openBroker({ url, transportOptions })
      const queues = [durableQueue(queue), durableQueue(`dlq.${queue}`)]
      await broker.declare({ exchanges: [], queues, bindings: [] })
      return queue
    },
    open: () => {
      const transport = new SqsTransport({ url, transportOptions, deliveryLimit: 2 })
      onTestFinished(() => transport.disconnect())
      return transport
    },
  }
}
