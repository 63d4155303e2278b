import { randomUUID } from 'node:crypto'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { Config } from '../../../src/config/config.ts'
import type { TaskResult } from '../../../src/protocol/results/task-result.ts'
import { decodeTask } from '../../../src/protocol/tasks/decode-task.ts'
import type { TaskRequest } from '../../../src/protocol/tasks/task-request.ts'
import { RpcResultStore } from '../../../src/results/rpc/rpc-store.ts'
import { App } from '../../../src/tasks/app/app.ts'
import { failure, started, success } from '../../contracts/stored-results.ts'
import { runPythonJson, startPythonWorker } from '../../support/python-celery.ts'
import { freshVhost, type Vhost } from '../../support/rabbitmq.ts'

let vhost: Vhost
beforeEach(async () => {
  vhost = await freshVhost()
})

describe.each(['new', 'old'] as const)('with the %s Celery', (python) => {
  const env = () => ({ AMQP_URL: vhost.url, RESULT_BACKEND: 'rpc://', QUEUES: 'python' })

  test("results of Python's worker come to the queue we listen on", async () => {
    await startPythonWorker({ python, env: env() })
    const { app, store, replyTo } = await openCaller()
    const call = (task: string, args: readonly unknown[]) =>
      app.sendTask(task, args, {}, { replyTo })
    const [sum, failed, retried] = await Promise.all([
      call('python.add', [2, 3]),
      call('python.fail_custom', [42, 'bad']),
      call('python.flaky', [2]),
    ])
    expect(await sum.get({ timeoutMs: 20_000 })).toBe(5)
    expect(await store.waitFor(failed.id, { timeoutMs: 20_000 })).toMatchObject({
      status: 'FAILURE',
      result: { excType: 'PlotError', excModule: 'toolbox_app', excMessage: [42, 'bad'] },
      traceback: expect.stringContaining('PlotError'),
    })
    expect(await retried.get({ timeoutMs: 20_000 })).toBe(2)
  })

  test('Python, waiting, gets what we send: states, values, exceptions', async () => {
    const broker = await openLive()
    const store = openStore(broker, randomUUID())
    const seeing = runPythonJson(
      `
import json, toolbox_app
app = toolbox_app.setup()
states = []
def outcome(name):
    result = app.send_task('python.' + name)
    try:
        return result.get(timeout=20, on_message=lambda message: states.append(message['status']))
    except Exception as error:
        return [type(error).__name__, list(error.args), result.traceback]
print(json.dumps([outcome('value'), outcome('failure'), states]))`,
      { python, env: env() },
    )
    await serve(broker, async (request) => {
      const address = {
        taskId: request.id,
        replyTo: request.replyTo,
        correlationId: request.correlationId,
      }
      await store.save({ ...started(request.id), ...address })
      await store.save({ ...outcomeOf(request), ...address })
    })
    expect(await seeing).toEqual([
      { total: [5, 'é'] },
      ['ValueError', ['no good', 3], 'Error: no good'],
      ['STARTED', 'SUCCESS', 'STARTED', 'FAILURE'],
    ])
  })
})

test('the queue of replies is declared as Python declares its own', async () => {
  const { replyTo } = await openCaller()
  const listed = await vhost.rabbitmqctl(
    'list_queues',
    'name',
    'durable',
    'auto_delete',
    'exclusive',
    'arguments',
    '--formatter',
    'json',
  )
  const queues = JSON.parse(listed) as readonly { readonly name: string }[]
  expect(queues.find(({ name }) => name === replyTo)).toMatchObject({
    durable: true,
    auto_delete: true,
    exclusive: false,
    arguments: [['x-expires', 'signedint', 86_400_000]],
  })
})

test('a caller whose connection is cut hears the results that come after', async () => {
  const { store, replyTo, broker } = await openCaller()
  const restored = new Promise<void>((resolve) => broker.on('restored', resolve))
  const done = { ...success('after'), replyTo }
  const waiting = store.waitFor(done.taskId, { timeoutMs: 30_000 })
  await vhost.closeConnections()
  await restored
  await openStore(await openLive(), randomUUID()).save(done)
  expect(await waiting).toMatchObject({ result: 'after' })
})

interface Caller {
  readonly app: App
  readonly broker: Broker
  readonly store: RpcResultStore
  readonly replyTo: string
}

async function openCaller(): Promise<Caller> {
  const [broker, replyTo] = [await openLive(), randomUUID()]
  const store = openStore(broker, replyTo)
  await store.beforePublish()
  const config = new Config({
    queues: ['python'],
    broker_url: vhost.url,
    result_backend: 'rpc://',
    dotenv: false,
    environment: {},
  })
  const app = new App(config, { broker, results: store })
  onTestFinished(() => app.close())
  return { app, broker, store, replyTo }
}

function openStore(broker: Broker, replyTo: string): RpcResultStore {
  const settings = { result_expires: 86_400 }
  const store = new RpcResultStore({ broker: async () => broker, replyTo, settings })
  onTestFinished(() => store.close())
  return store
}

async function openLive(): Promise<Broker> {
  const broker = openBroker({ url: vhost.url })
  onTestFinished(() => broker.close())
  return broker
}

/** Takes what Python sends to the queue "python". */
async function serve(broker: Broker, run: (request: TaskRequest) => Promise<void>): Promise<void> {
  const queue = {
    name: 'python',
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: {},
  }
  await broker.declare({ exchanges: [], queues: [queue], bindings: [] })
  const running: Promise<void>[] = []
  onTestFinished(async () => {
    await Promise.all(running)
  })
  await broker.consume('python', { prefetch: 10 }, (delivery) => {
    const request = decodeTask(delivery.message, ['json'])
    running.push(run(request).then(() => delivery.ack()))
  })
}

function outcomeOf({ task }: TaskRequest): TaskResult {
  const exception = { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 3] }
  return task === 'python.value'
    ? success({ total: [5, 'é'] })
    : failure(exception, 'Error: no good')
}
