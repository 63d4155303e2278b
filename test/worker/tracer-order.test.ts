import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker, Delivery } from '../../src/brokers/broker.ts'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import { Config, type ConfigOptions } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { Message } from '../../src/protocol/message.ts'
import { MemoryResultStore } from '../../src/results/memory/memory-store.ts'
import { chain, chord } from '../../src/tasks/canvas/canvas.ts'
import { startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

test('a failure is stored, then what is cut off by it, then errbacks are published, then it is acknowledged', async () => {
  const { app, steps } = await watchedApp()
  const errback = app.signature('export.errback')
  const failing = app.signature('export.fails', [], {}, { taskId: 'first' }).linkError(errback)
  await chain(failing, app.signature('export.adds', [1], {}, { taskId: 'second' })).applyAsync()
  await waitFor('the acknowledgement', () => steps.includes('acknowledge export.fails'))
  // What follows is the errback's own end, which may have come by now.
  expect(steps.slice(0, 4)).toEqual([
    'store FAILURE first',
    'store FAILURE second',
    'publish export.errback',
    'acknowledge export.fails',
  ])
})

test('callbacks and the next step of a success are published, then it is stored with its children, then acknowledged', async () => {
  const { app, steps, results } = await watchedApp()
  const first = app.signature('export.adds', [1, 2], {}, { taskId: 'first' })
  await chain(
    first.link(app.signature('export.callback')),
    app.signature('export.next', [], {}, { taskId: 'next' }),
  ).applyAsync()
  await waitFor('the acknowledgement', () => steps.includes('acknowledge export.adds'))
  expect(steps.slice(0, 4)).toEqual([
    'publish export.callback',
    'publish export.next',
    'store SUCCESS first',
    'acknowledge export.adds',
  ])
  const { children } = await results.get('first')
  expect(children?.at(-1)).toEqual([['next', null], null])
})

test('a value that has no form in the result backend is a failure like any other: its errbacks are called once it is stored', async () => {
  const { app, steps } = await watchedApp()
  await app
    .signature('export.unencodable', [], {}, { taskId: 'first' })
    .linkError(app.signature('export.errback'))
    .applyAsync()
  await waitFor('the acknowledgement', () => steps.includes('acknowledge export.unencodable'))
  // The errback, once published, runs beside it.
  expect(steps.slice(0, 3)).toEqual([
    'store FAILURE first',
    'publish export.errback',
    'acknowledge export.unencodable',
  ])
})

test('a replacement that cannot be started fails its task, and the errbacks are called', async () => {
  const { app, steps } = await watchedApp()
  await app
    .signature('export.becomes_nothing', [], {}, { taskId: 'first' })
    .linkError(app.signature('export.errback'))
    .applyAsync()
  await waitFor('the acknowledgement', () => steps.includes('acknowledge export.becomes_nothing'))
  // The errback, once published, runs beside it.
  expect(steps.slice(0, 3)).toEqual([
    'store FAILURE first',
    'publish export.errback',
    'acknowledge export.becomes_nothing',
  ])
})

test('a failed step whose own result is ignored fails what follows it, the chord that waits for the end among it', async () => {
  const { app } = await watchedApp({ task_acks_late: false })
  const ignored = app.signature('export.fails', [], {}, { ignoreResult: true })
  const result = await chord(
    [chain(ignored, app.signature('export.adds', [1]))],
    app.signature('export.sums'),
  ).applyAsync()
  await expect(result.get({ timeoutMs: 5_000 })).rejects.toThrow('it fails')
})

interface Watched {
  readonly app: CeleryApp
  /** What happened once the worker ran, in order. */
  readonly steps: string[]
  readonly results: MemoryResultStore
}

/** An app whose worker tells of each result it stores, each message it publishes and each one it acknowledges. */
async function watchedApp(settings: Partial<ConfigOptions> = {}): Promise<Watched> {
  const steps: string[] = []
  const broker = watchedBroker(new MemoryBroker(randomUUID()), steps)
  const results = watchedResults(new MemoryResultStore({ name: randomUUID() }), steps)
  const config = new Config({
    queues: ['export'],
    broker_url: 'memory://',
    result_backend: 'memory://',
    task_acks_late: true,
    task_track_started: false,
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config, { broker, results })
  onTestFinished(async () => {
    await app.close()
    await broker.close()
  })
  app.task('export.adds', (a: number, b: number) => a + b)
  app.task('export.sums', (values: readonly number[]) => values.reduce((a, b) => a + b, 0))
  app.task('export.fails', () => {
    throw new Error('it fails')
  })
  app.task('export.unencodable', () => Symbol('no form'))
  app.task('export.becomes_nothing', { bind: true }, (self) => {
    throw self.replace({ ...app.signature('export.nothing').toDict(), task: '' })
  })
  for (const name of ['errback', 'callback', 'next']) app.task(`export.${name}`, (id) => id)
  await startWorker(app, { concurrency: 1 })
  return { app, steps, results }
}

function watchedResults(store: MemoryResultStore, steps: string[]): MemoryResultStore {
  const save = store.save.bind(store)
  store.save = async (result) => {
    await save(result)
    steps.push(`store ${result.status} ${result.taskId}`)
  }
  return store
}

function watchedBroker(broker: Broker, steps: string[]): Broker {
  const { publish, consume } = broker
  let isWorking = false
  broker.publish = async (message, ...rest) => {
    if (isWorking) steps.push(`publish ${nameOf(message)}`)
    await publish.call(broker, message, ...rest)
  }
  broker.consume = async (queue, options, onDelivery) =>
    consume.call(broker, queue, options, (delivery: Delivery) => {
      // Workers greet each other, too.
      if (delivery.message.headers.task === undefined) return onDelivery(delivery)
      isWorking = true
      return onDelivery(watchedDelivery(delivery, steps))
    })
  return broker
}

function watchedDelivery(delivery: Delivery, steps: string[]): Delivery {
  const ack = delivery.ack.bind(delivery)
  delivery.ack = async () => {
    await ack()
    steps.push(`acknowledge ${nameOf(delivery.message)}`)
  }
  return delivery
}

function nameOf({ headers }: Message): string {
  return String(headers.task)
}
