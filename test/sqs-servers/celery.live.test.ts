import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import type { AsyncResult } from '../../src/results/async-result.ts'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshDatabase } from '../support/postgres.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'
import { PROJECT, service } from '../support/services.ts'
import { resultBackend } from '../support/sqs-app.ts'
import { type RunningSqs, startMoto } from '../support/sqs-servers.ts'

// moto speaks both protocols: Celery 5.2 has boto's old one.
const PYTHONS = {
  '5.7': () => service('PYTHON_CELERY'),
  '5.2': () => process.env.PYTHON_SQS_OLD ?? join(PROJECT, '.services/python-sqs-old/bin/python'),
}
const PATIENCE = { timeoutMs: 60_000 }
const SLOW = 180_000

let server: RunningSqs
beforeAll(async () => {
  server = await startMoto()
}, 120_000)
afterAll(async () => server?.stop())

describe.each(['5.7', '5.2'] as const)('Celery %s', (version) => {
  test.each([
    ['standard', 'export', 'python'],
    ['FIFO', 'export.fifo', 'python.fifo'],
  ])(
    'shares %s queues both ways, in calls and in a chain',
    async (_, ours, theirs) => {
      const { app, env } = await placeOf([ours, theirs])
      app.task('export.add', async (x: number, y: number) => x + y)
      await startWorker(app, { queues: [ours] })
      const python = PYTHONS[version]()
      await startPythonWorker({ program: python, env, queues: [theirs] })
      const to = { exchange: 'task_exchange', routingKey: theirs }
      const back = { exchange: 'task_exchange', routingKey: ours }
      const plain = await app.sendTask<number>('python.add', [2, 3], {}, to)
      const typed = await app.sendTask<{ args: unknown[] }>(
        'python.echo',
        ['ä', null, 2 ** 40],
        {},
        to,
      )
      const mixed = await chain(
        app.signature('python.add', [1, 1]).set(to),
        app.signature('export.add', [5]).set(back),
        app.signature('python.add', [7]).set(to),
      ).applyAsync()
      const fromPython = await runPythonJson<string>(
        `import json, sys, toolbox_app
task = toolbox_app.app.send_task('export.add', (4, 5), exchange='task_exchange', routing_key=sys.argv[1])
print(json.dumps(task.id))`,
        { program: python, env, args: [ours] },
      )
      expect(await plain.get(PATIENCE)).toBe(5)
      expect(await typed.get(PATIENCE)).toMatchObject({ args: ['ä', null, 2 ** 40] })
      expect(await mixed.get(PATIENCE)).toBe(14)
      const result: AsyncResult = app.asyncResult(fromPython)
      expect(await result.get(PATIENCE)).toBe(9)
    },
    SLOW,
  )
})

async function placeOf(queues: readonly string[]): Promise<{
  readonly app: CeleryApp
  readonly env: Readonly<Record<string, string>>
}> {
  const databaseUrl = await freshDatabase()
  const prefix = `t${randomUUID().slice(0, 8)}`
  const url = `sqs://key:secret@${server.host}`
  const options = { wait_time_seconds: 1, visibility_timeout: 60 }
  const app = createApp(
    new Config({
      queues,
      QUEUE_PREFIX: prefix,
      broker_url: url,
      broker_transport_options: options,
      result_backend: resultBackend(databaseUrl),
      dotenv: false,
      environment: {},
    }),
  )
  onTestFinished(() => app.close())
  const theirs = {
    ...options,
    region: 'us-west-2',
    queue_name_prefix: `${prefix}-`,
    is_secure: false,
    polling_interval: 0.1,
  }
  const env = {
    AMQP_URL: url,
    TRANSPORT_OPTIONS: JSON.stringify(theirs),
    DATABASE_URL: databaseUrl,
    QUEUES: queues.join(','),
    AWS_DEFAULT_REGION: 'us-west-2',
  }
  return { app, env }
}
