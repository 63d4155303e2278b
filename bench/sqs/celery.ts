import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { needed } from '../environment.ts'
import { perSecondSince, type Scenario } from '../measure.ts'
import { openSqs, type SqsPlace } from './place.ts'

/** Fewer of Celery's, so that both take some seconds: a run of less is mostly the start and the end of its queue. */
const TASKS = { celery: 600, ours: 4_000 }
const SLOTS = '20'
const ROOT = join(import.meta.dirname, '../..')
const PYTHON_FOLDER = join(ROOT, 'test/support/python')

interface Side {
  /** Where its tasks go. */
  readonly queue: string
  readonly tasks: number
  readonly producer: ChildProcess
  readonly worker: ChildProcess
}

/** Each with a producer and a worker of 20 slots, a process each; tasks do nothing, and each is published to its queue and the mirror. */
export async function celeryScenario(): Promise<Scenario> {
  const place = await openSqs()
  const ours = await startOurs(place)
  const celery = await startCelery(place)
  return {
    name: 'tasks on SQS',
    baseline: 'Celery 5.7',
    goals: [{ ours: 'celery-toolbox', than: 'Celery 5.7', atLeast: 5 }],
    contenders: [
      { name: 'Celery 5.7', run: () => run(celery, place) },
      { name: 'celery-toolbox', run: () => run(ours, place) },
    ],
    close: async () => {
      await Promise.all([ended(celery), ended(ours)])
      await place.close()
    },
  }
}

/** From the first publish to the last delete. */
async function run({ queue, tasks, producer }: Side, place: SqsPlace): Promise<number> {
  const answers = createInterface({ input: producer.stdout ?? process.stdin })
  const answer = once(answers, 'line')
  const startedAt = performance.now()
  producer.stdin?.write(`${tasks}\n`)
  await answer
  answers.close()
  while ((await place.depth(queue)) > 0) await sleep(20)
  return perSecondSince(startedAt, tasks)
}

async function startOurs(place: SqsPlace): Promise<Side> {
  const env = {
    CELERY_BROKER_URL: place.url,
    CELERY_QUEUES: JSON.stringify(['export', 'python']),
    CELERY_QUEUE_PREFIX: place.prefix.slice(0, -1),
    CELERY_BROKER_TRANSPORT_OPTIONS: JSON.stringify({ wait_time_seconds: 1 }),
  }
  const cli = join(ROOT, 'dist/src/cli/main.js')
  const app = join(import.meta.dirname, 'app.ts')
  const tsx = join(ROOT, 'node_modules/.bin/tsx')
  const producer = start(tsx, [join(import.meta.dirname, 'producer.ts')], { env, cwd: ROOT })
  producer.stderr?.pipe(process.stderr)
  const args = [cli, 'worker', '-A', app, '-Q', 'export', '-c', SLOTS]
  const worker = start(process.execPath, args, { env, cwd: ROOT })
  await said(worker, /worker ready/)
  return { queue: 'export', tasks: TASKS.ours, producer, worker }
}

async function startCelery({ url, prefix }: SqsPlace): Promise<Side> {
  const options = {
    region: 'us-west-2',
    queue_name_prefix: prefix,
    is_secure: false,
    wait_time_seconds: 1,
    polling_interval: 0.1,
  }
  const env = {
    AMQP_URL: url,
    TRANSPORT_OPTIONS: JSON.stringify(options),
    RESULT_BACKEND: '',
    DATABASE_URL: '',
    QUEUES: 'export,python',
    AWS_DEFAULT_REGION: 'us-west-2',
    C_FORCE_ROOT: '1',
  }
  const place = { env, cwd: PYTHON_FOLDER }
  const producer = start(
    needed('PYTHON_CELERY'),
    [join(ROOT, 'bench/peers/sqs_producer.py')],
    place,
  )
  producer.stderr?.pipe(process.stderr)
  const args = ['-m', 'celery', '-A', 'toolbox_app', 'worker', '-l', 'INFO', '-Q', 'python']
  const worker = start(needed('PYTHON_CELERY'), [...args, '-P', 'threads', '-c', SLOTS], place)
  await said(worker, / ready\.$/m)
  return { queue: 'python', tasks: TASKS.celery, producer, worker }
}

function start(
  command: string,
  args: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): ChildProcess {
  return spawn(command, [...args], { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
}

/** Waits for a line of a process; later ones are read and dropped, so that its pipes never fill up. */
async function said(child: ChildProcess, line: RegExp): Promise<void> {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const read = (data: Buffer): void => {
      text += data.toString()
      if (!line.test(text)) return
      for (const stream of [child.stdout, child.stderr]) stream?.off('data', read).resume()
      resolve()
    }
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', read)
    child.on('exit', () => reject(new Error(`${child.spawnfile} ended: ${text}`)))
  })
}

async function ended({ producer, worker }: Side): Promise<void> {
  const ends = [once(producer, 'exit'), once(worker, 'exit')]
  producer.stdin?.end()
  worker.kill('SIGTERM')
  await Promise.all(ends)
}
