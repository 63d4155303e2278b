import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { needed } from '../environment.ts'
import { perSecondSince, type Scenario } from '../measure.ts'
import { openSqs, type SqsPlace } from './place.ts'

/** Fewer of Celery's, which take longer. */
const TASKS = { celery: 300, ours: 1_500 }
const SLOTS = 20
const ROOT = join(import.meta.dirname, '../..')

/** Each with its own producer and its own worker of 20 slots; tasks do nothing, and each is published to its queue and the mirror. */
export async function celeryScenario(): Promise<Scenario> {
  const place = await openSqs()
  const { app } = place
  const note = app.task('export.note', async () => undefined)
  const worker = app.worker({ queues: ['export'], concurrency: SLOTS })
  await worker.start()
  const celery = await startCelery(place)
  const producer = python([join(ROOT, 'bench/peers/sqs_producer.py')], place)
  const answers = createInterface({ input: producer.stdout ?? process.stdin })

  const run = async (
    send: () => Promise<unknown>,
    { queue, tasks }: { readonly queue: string; readonly tasks: number },
  ): Promise<number> => {
    const startedAt = performance.now()
    await send()
    while ((await place.depth(queue)) > 0) await sleep(20)
    return perSecondSince(startedAt, tasks)
  }
  const byCelery = async (): Promise<void> => {
    producer.stdin?.write(`${TASKS.celery}\n`)
    await once(answers, 'line')
  }
  const byUs = async (): Promise<void> => {
    await Promise.all(Array.from({ length: TASKS.ours }, () => note.delay()))
  }
  return {
    name: 'tasks on SQS',
    baseline: 'Celery 5.7',
    goals: [{ ours: 'celery-toolbox', than: 'Celery 5.7', atLeast: 5 }],
    contenders: [
      { name: 'Celery 5.7', run: () => run(byCelery, { queue: 'python', tasks: TASKS.celery }) },
      { name: 'celery-toolbox', run: () => run(byUs, { queue: 'export', tasks: TASKS.ours }) },
    ],
    close: async () => {
      producer.stdin?.end()
      celery.kill('SIGTERM')
      await once(celery, 'exit')
      await worker.stop()
      await place.close()
    },
  }
}

async function startCelery(place: SqsPlace): Promise<ChildProcess> {
  const args = ['-m', 'celery', '-A', 'toolbox_app', 'worker', '-l', 'INFO']
  const child = python([...args, '-P', 'threads', '-c', String(SLOTS), '-Q', 'python'], place)
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text: Buffer) => {
      said.push(text.toString())
      if (/ ready\.$/m.test(said.join(''))) resolve()
    })
    child.on('exit', () => reject(new Error(`Celery ended: ${said.join('')}`)))
  })
  return child
}

function python(args: readonly string[], { url, prefix }: SqsPlace): ChildProcess {
  const options = {
    region: 'us-west-2',
    queue_name_prefix: prefix,
    is_secure: false,
    wait_time_seconds: 1,
    polling_interval: 0.1,
  }
  return spawn(needed('PYTHON_CELERY'), [...args], {
    cwd: join(ROOT, 'test/support/python'),
    env: {
      ...process.env,
      AMQP_URL: url,
      TRANSPORT_OPTIONS: JSON.stringify(options),
      RESULT_BACKEND: '',
      DATABASE_URL: '',
      QUEUES: 'export,python',
      AWS_DEFAULT_REGION: 'us-west-2',
      C_FORCE_ROOT: '1',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}
