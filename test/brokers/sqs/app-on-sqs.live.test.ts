import { randomBytes } from 'node:crypto'
import { SQS } from '@aws-sdk/client-sqs'
import { expect, onTestFinished, test } from 'vitest'
import { openEnvelope } from '../../../src/brokers/sqs/messages/envelope.ts'
import { Config, type ConfigOptions } from '../../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../../src/create-app.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { encodeTask } from '../../../src/protocol/tasks/encode-task.ts'
import { chain } from '../../../src/tasks/canvas/canvas.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type SqsSpace, sqsSpace } from './fauxqs.ts'

test('the default config publishes to its queue and to the mirror, with ids of the task', async () => {
  const { space, app } = await started()
  const task = app.task('export.add', async (x: number, y: number) => x + y)
  const { id } = await task.delay(2, 3)
  const [work] = ready(space, 'export')
  const [mirror] = ready(space, 'platform.fifo')
  expect(openEnvelope(work?.body ?? '', 'export').message.headers).toMatchObject({ id })
  expect(mirror).toMatchObject({
    body: work?.body,
    messageGroupId: id,
    messageDeduplicationId: `${id}-0-task`,
  })
})

test('a worker runs what is published, and the steps of a chain are mirrored too', async () => {
  const { space, app } = await started({ result_backend: 'memory://' })
  const add = app.task('export.add', async (x: number, y: number) => x + y)
  const worker = app.worker({ queues: ['export'], concurrency: 4 })
  await worker.start()
  onTestFinished(() => worker.stop())
  const result = await chain(add.s(2, 2), add.s(4)).applyAsync()
  expect(await result.get({ timeoutMs: 10_000 })).toBe(8)
  await waitFor('both steps', () => tasksIn(space).length === 2)
  expect(depthOf(space, 'export')).toBe(0)
})

test('tasks that are longer than the visibility timeout run once', async () => {
  const { app } = await started(
    { result_backend: 'memory://', task_acks_late: true },
    { visibility_timeout: 3 },
  )
  const runs: number[] = []
  const long = app.task('export.long', async (n: number) => {
    runs.push(n)
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    return n
  })
  const worker = app.worker({ queues: ['export'], concurrency: 50 })
  await worker.start()
  onTestFinished(() => worker.stop())
  const results = await Promise.all(Array.from({ length: 50 }, (_, n) => long.delay(n)))
  const values = await Promise.all(results.map((result) => result.get({ timeoutMs: 20_000 })))
  expect(values).toHaveLength(50)
  expect(runs).toHaveLength(50)
})

test('a countdown is a delay of the queue; the mirror has its copy at once', async () => {
  const { space, app } = await started()
  const task = app.task('export.add', async () => undefined)
  await task.applyAsync([], { countdown: 60 })
  const { delayed = [] } = space.server.inspectQueue(space.nameOf('export'))?.messages ?? {}
  expect(delayed).toHaveLength(1)
  expect(ready(space, 'platform.fifo')).toHaveLength(1)
})

test('what another producer sent with an eta is sent on to its queue, and waits in no worker', async () => {
  const { space, app } = await started({ result_backend: 'disabled://' })
  const task = app.task('export.add', async () => undefined)
  const broker = space.open({ region: 'us-west-2' })
  await broker.declare({ exchanges: [], queues: [durableQueue('export')], bindings: [] })
  const message = encodeTask({
    id: 'later',
    task: task.name,
    args: [],
    kwargs: {},
    eta: new Date(Date.now() + 120_000).toISOString(),
  })
  // As kombu does, which asks for no delay.
  await broker.publish(message, { exchange: '', routingKey: 'export' }, { delayMs: 0 })
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  onTestFinished(() => worker.stop())
  const delayed = await waitFor('it to be sent on', () => {
    const { messages } = space.server.inspectQueue(space.nameOf('export')) ?? {}
    return messages?.inflight.length === 0 && messages.delayed.length === 1 && messages.delayed
  })
  expect(openEnvelope(delayed[0]?.body ?? '', 'export').message.headers).toMatchObject({
    id: 'later',
  })
})

test('a fairness key is given by call, task, or a function of the arguments, and a retry keeps it', async () => {
  const { space, app } = await started({ result_backend: 'disabled://' })
  const plain = app.task('export.plain', async () => undefined)
  const ofTask = app.task('export.task', { fairnessKey: 'team' }, async () => undefined)
  const byArgument = app.task(
    'export.argument',
    { bind: true, fairnessKey: (tenant: string) => tenant },
    async (self, _tenant: string) => {
      throw self.retry({ countdown: 600 })
    },
  )
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  onTestFinished(() => worker.stop())
  await plain.applyAsync([], { fairnessKey: 'call' })
  await ofTask.delay()
  await byArgument.delay('tenant-7')
  const keys = await waitFor('all copies', () => {
    const copies = ready(space, 'platform.fifo')
      .map(({ body }) => openEnvelope(body, '').message.headers)
      .filter(({ task }) => task !== undefined)
    return copies.length === 4 && copies.map(({ retries, fairness_key: key }) => [retries, key])
  })
  expect(keys).toEqual(
    expect.arrayContaining([
      [0, 'call'],
      [0, 'team'],
      [0, 'tenant-7'],
      [1, 'tenant-7'],
    ]),
  )
})

test('a stop makes what has not begun visible at once, and loses none of it', async () => {
  const { space, app } = await started({ result_backend: 'disabled://', task_acks_late: true })
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const slow = app.task('export.slow', async () => await gate)
  await Promise.all(Array.from({ length: 12 }, () => slow.delay()))
  const worker = app.worker({ queues: ['export'], concurrency: 1, prefetchMultiplier: 20 })
  await worker.start()
  const inflight = (): number =>
    space.server.inspectQueue(space.nameOf('export'))?.messages.inflight.length ?? 0
  await waitFor('all of them here', () => inflight() === 12)
  const stopping = worker.stop()
  const stoppedAt = performance.now()
  await waitFor('the unstarted ones back', () => ready(space, 'export').length === 11)
  expect(performance.now() - stoppedAt).toBeLessThan(2_000)
  release()
  await stopping
  await waitFor('the running one done', () => depthOf(space, 'export') === 11)
})

test.each([
  ['text of somebody else', 'hello'],
  ['a notification of SNS', JSON.stringify({ Type: 'Notification', Message: 'x' })],
  [
    'a task whose body is no JSON',
    JSON.stringify({
      body: '{',
      headers: { task: 'export.add', id: 'i' },
      'content-type': 'application/json',
      'content-encoding': 'utf-8',
      properties: {},
    }),
  ],
  ['a mebibyte of noise', randomBytes(786_432).toString('base64').replaceAll('/', '-')],
])('%s is kept in the dead-letter queue with the reason', async (_, body) => {
  const { space, app } = await started({ result_backend: 'disabled://' })
  const worker = app.worker({ queues: ['export'] })
  await worker.start()
  onTestFinished(() => worker.stop())
  await sendText(space, body)
  const letters = await waitFor('the letter', () => {
    const found = ready(space, 'dlq.export')
    return depthOf(space, 'export') === 0 && found.length > 0 && found
  })
  const opened = letters.map(({ body: letter }) => openEnvelope(letter, 'dlq.export').message)
  expect(opened[0]?.headers).toMatchObject({
    'x-dlq-queue': 'export',
    'x-dlq-reason': expect.stringMatching(/./),
  })
  const kept = Buffer.concat(opened.map((letter) => letter.body)).toString()
  expect(body).toContain(kept)
})

async function sendText(space: SqsSpace, body: string): Promise<void> {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const endpoint = `http://127.0.0.1:${space.server.port}`
  const sqs = new SQS({ region: 'us-west-2', endpoint, credentials })
  const { QueueUrl } = await sqs.getQueueUrl({ QueueName: space.nameOf('export') })
  await sqs.sendMessage({ QueueUrl, MessageBody: body })
  sqs.destroy()
}

async function started(
  settings: Partial<ConfigOptions> = {},
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ space: SqsSpace; app: CeleryApp }> {
  const space = await sqsSpace()
  const config = new Config({
    queues: ['export'],
    QUEUE_PREFIX: space.prefix.slice(0, -1),
    broker_url: space.url,
    broker_transport_options: { wait_time_seconds: 1, ...options },
    dotenv: false,
    environment: {},
    ...settings,
  })
  const app = createApp(config)
  onTestFinished(() => app.close())
  return { space, app }
}

function ready(space: SqsSpace, queue: string) {
  return space.server.inspectQueue(space.nameOf(queue))?.messages.ready ?? []
}

function depthOf(space: SqsSpace, queue: string): number {
  const { messages } = space.server.inspectQueue(space.nameOf(queue)) ?? {}
  return (messages?.ready.length ?? 0) + (messages?.inflight.length ?? 0)
}

function tasksIn(space: SqsSpace): readonly unknown[] {
  return ready(space, 'platform.fifo')
    .map(({ body }) => openEnvelope(body, 'platform.fifo').message.headers)
    .filter(({ task }) => task === 'export.add')
}
