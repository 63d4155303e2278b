import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { createApp } from '../../src/create-app.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { freshVhost } from '../support/rabbitmq.ts'
import { service } from '../support/services.ts'

const LISTENER = join(import.meta.dirname, 'python/listen.py')
const NAME = 'node@test'
const WAIT = { timeoutMs: 20_000 }

interface Seen {
  readonly heard: readonly string[]
  readonly tasks: Readonly<Record<string, unknown>>
  readonly workers: Readonly<Record<string, unknown>>
}

test('Celery’s State, new and old, makes the right tasks and workers of what ours tell', async () => {
  const vhost = await freshVhost()
  const listeners = (['PYTHON_CELERY', 'PYTHON_CELERY_OLD'] as const).map((python) =>
    startProcess(service(python), [LISTENER], { env: { AMQP_URL: vhost.url } }),
  )
  await Promise.all(listeners.map((listener) => listener.waitForLine(/^listening$/m)))
  const tasks = await runTasks(vhost.url)
  for (const listener of listeners) {
    const seen = await seenBy(listener)
    expect(seen.tasks).toMatchObject(tasks)
    expect(seen.workers).toEqual({
      [NAME]: {
        sw_ident: 'celery-toolbox',
        freq: 2,
        processed: 4,
        pid: process.pid,
        alive: false,
      },
    })
    expect(seen.heard.at(0)).toBe('worker-online')
    expect(seen.heard).toContain('invoice-paid')
  }
})

/** Runs some with a worker of ours; answers what is to be known of them, by their ids. */
async function runTasks(url: string): Promise<Readonly<Record<string, unknown>>> {
  const config = new Config({
    queues: ['export'],
    broker_url: url,
    result_backend: 'rpc://',
    worker_send_task_events: true,
    task_send_sent_event: true,
    dotenv: false,
    environment: {},
  })
  const app = createApp(config)
  onTestFinished(() => app.close())
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const fail = app.task('export.fail', { bind: true }, async (self) => {
    await self.sendEvent('invoice-paid', { amount: 5 })
    throw new RangeError("it's too far")
  })
  const again = app.task('export.again', { bind: true }, (self) => {
    if (self.request.retries === 0) throw self.retry({ countdown: 0, cause: new Error('busy') })
    return 'at last'
  })
  const worker = app.worker({ name: NAME })
  await worker.start()
  onTestFinished(() => worker.stop({ graceMs: 0 }))
  const [added, failed, retried, expired] = await Promise.all([
    add.delay(2, 3),
    fail.delay(),
    again.delay(),
    add.applyAsync([1, 1], { expires: new Date(Date.now() - 1_000) }),
  ])
  await Promise.allSettled([added, failed, retried, expired].map((result) => result.get(WAIT)))
  await worker.stop()
  const common = { sent: true, received: true, started: true, worker: NAME }
  return {
    [added.id]: {
      ...common,
      name: 'export.add',
      state: 'SUCCESS',
      args: '(2, 3)',
      kwargs: '{}',
      result: '5',
      retries: 0,
      runtime: expect.any(Number),
      root_id: added.id,
    },
    [failed.id]: { ...common, state: 'FAILURE', exception: "RangeError('it\\'s too far')" },
    [retried.id]: { ...common, state: 'SUCCESS', result: "'at last'" },
    [expired.id]: { sent: true, received: false, started: false, state: 'REVOKED' },
  }
}

async function seenBy(listener: Process): Promise<Seen> {
  const { code } = await listener.exited
  expect(code).toBe(0)
  return JSON.parse(listener.stdout.split('\n').at(1) ?? '') as Seen // it prints one, after "listening"
}
