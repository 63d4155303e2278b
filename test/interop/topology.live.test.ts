import { expect, onTestFinished, test } from 'vitest'
import { Config, createApp, setupApp } from '../../src/index.ts'
import { runPython, startPythonWorker } from '../support/python-celery.ts'
import { freshVhost, type Vhost } from '../support/rabbitmq.ts'
import type { PythonVersion } from './ask-python.ts'

/** What rabbitmqctl shows after `new Config({ queues: ['export'] })`: names, types, durability, arguments. */
const DECLARED = {
  exchanges: ['task_exchange topic true false false []'],
  queues: [
    'celery true false false []',
    'export true false false []',
    'platform.fifo true false false []',
  ],
  bindings: [
    'task_exchange exchange celery queue celery []',
    'task_exchange exchange export queue export []',
    'task_exchange exchange platform.fifo queue # []',
  ],
}

test('an app with the queue "export" declares the topic exchange and its three queues, and nothing else', async () => {
  const vhost = await freshVhost()
  await declareFromNode(vhost)
  expect(await declaredIn(vhost)).toEqual(DECLARED)
})

test.each([
  ['new', 'Node'],
  ['new', 'Python'],
  ['old', 'Node'],
  ['old', 'Python'],
] as const)(
  'the Python toolbox (%s Celery) declares exactly the same, with %s first',
  async (python, first) => {
    const vhost = await freshVhost()
    if (first === 'Node') await declareFromNode(vhost)
    await declareFromPython(vhost, python)
    expect(await declaredIn(vhost)).toEqual(DECLARED)
    // The second to declare is not refused.
    await declareFromNode(vhost)
  },
)

test.each(['new', 'old'] as const)(
  'a Python worker (%s Celery) starts beside a Node worker, neither refused by the other',
  async (python) => {
    const vhost = await freshVhost()
    const app = appOn(vhost)
    const worker = app.worker({ queues: ['export'] })
    await worker.start()
    onTestFinished(() => worker.stop())
    const beside = await startPythonWorker({
      python,
      env: { AMQP_URL: vhost.url, QUEUES: 'export' },
    })
    const second = appOn(vhost).worker({ queues: ['celery'] })
    await second.start()
    onTestFinished(() => second.stop())
    expect(beside.output).not.toContain('PRECONDITION_FAILED')
    const { exchanges, queues, bindings } = await declaredIn(vhost)
    // A Python worker adds what it is controlled through, all of it its own.
    expect(exchanges.filter((line) => !/^(reply\.)?celery/.test(line))).toEqual(DECLARED.exchanges)
    expect(queues.filter((line) => !/celery\.pidbox|^celeryev/.test(line))).toEqual(DECLARED.queues)
    expect(bindings.filter((line) => line.startsWith('task_exchange'))).toEqual(DECLARED.bindings)
  },
)

function appOn(vhost: Vhost) {
  const config = new Config({
    queues: ['export'],
    broker_url: vhost.url,
    result_backend: 'disabled://',
    dotenv: false,
    environment: {},
  })
  const app = createApp(config)
  onTestFinished(() => app.close())
  return app
}

async function declareFromNode(vhost: Vhost): Promise<void> {
  await setupApp(appOn(vhost))
}

async function declareFromPython(vhost: Vhost, python: PythonVersion): Promise<void> {
  const env = { AMQP_URL: vhost.url, QUEUES: 'export' }
  await runPython('import toolbox_app; toolbox_app.setup()', { python, env })
}

async function declaredIn(vhost: Vhost): Promise<typeof DECLARED> {
  const [exchanges, queues, bindings] = await Promise.all([
    list(vhost, 'list_exchanges', 'name type durable auto_delete internal arguments'),
    list(vhost, 'list_queues', 'name durable auto_delete exclusive arguments'),
    list(
      vhost,
      'list_bindings',
      'source_name source_kind destination_name destination_kind routing_key arguments',
    ),
  ])
  return {
    // Those that every virtual host has, and each queue's own binding to the default exchange, are the broker's.
    exchanges: exchanges.filter((line) => !/^(?:amq\.| )/.test(line)),
    queues,
    bindings: bindings.filter((line) => !line.startsWith(' ')),
  }
}

async function list(vhost: Vhost, command: string, columns: string): Promise<string[]> {
  const output = await vhost.rabbitmqctl(command, '--no-table-headers', ...columns.split(' '))
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replaceAll('\t', ' '))
    .sort()
}
