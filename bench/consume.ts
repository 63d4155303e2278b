import { type BenchPlace, benchApp, openPlace, query, runPeer } from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'
import { consumeRaw } from './peers/raw-amqplib.ts'

const CONCURRENCY = 100
const PREFETCH_MULTIPLIER = 4

/** Tasks that do nothing, results off, beside taking the same messages off the queue and nothing more. */
export async function consumeScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await fill(place, 'export.noop', 0)
  const ours = async (): Promise<number> => {
    await fill(place, 'export.noop', count)
    return await runWorker(place, 'none', count)
  }
  return {
    name: 'no-op consume, results off',
    baseline: 'amqplib',
    goals: [{ ours: 'celery-toolbox', than: 'amqplib', atLeast: 0.6 }],
    contenders: [
      {
        name: 'amqplib',
        run: async () => {
          await fill(place, 'export.noop', count)
          const prefetch = CONCURRENCY * PREFETCH_MULTIPLIER
          return await consumeRaw(place.amqpUrl, 'export', { count, prefetch })
        },
      },
      { name: 'celery-toolbox', run: ours },
      {
        name: 'Python Celery (prefork, 2)',
        run: async () => {
          const fewer = Math.ceil(count / 10)
          await fill(place, 'python.noop', fewer)
          return Number(await runPeer('celery_peer.py', ['consume', String(fewer)], place))
        },
      },
    ],
    close: place.close,
  }
}

/** Tasks that do nothing, each result in Celery's own table. */
export async function resultsScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  return {
    name: 'no-op consume, results in PostgreSQL',
    baseline: 'Python Celery (prefork, 2)',
    goals: [{ ours: 'celery-toolbox', than: 'Python Celery (prefork, 2)', atLeast: 5 }],
    contenders: [
      {
        name: 'celery-toolbox',
        run: async () => {
          await forgetResults(place)
          await fill(place, 'export.noop', count)
          return await runWorker(place, 'postgres', count)
        },
      },
      {
        name: 'Python Celery (prefork, 2)',
        run: async () => {
          await forgetResults(place)
          const fewer = Math.ceil(count / 10)
          await fill(place, 'python.noop', fewer)
          return Number(await runPeer('celery_peer.py', ['results', String(fewer)], place))
        },
      },
    ],
    close: place.close,
  }
}

/** Puts `count` messages into the task's queue, and takes the copies off the platform's. */
async function fill(place: BenchPlace, task: string, count: number): Promise<void> {
  const app = benchApp(place, task.startsWith('python') ? 'postgres' : 'none')
  await app.setUp()
  for (const queue of ['export', 'python']) await app.broker().purge(queue)
  for (let sent = 0; sent < count; sent += 1_000) {
    const some = Math.min(1_000, count - sent)
    const ignoreResult = false
    await Promise.all(
      Array.from({ length: some }, async () => app.sendTask(task, [], {}, { ignoreResult })),
    )
  }
  await app.broker().purge('platform.fifo')
  await app.close()
}

/** Runs a worker until every message has been dealt with, results and acknowledgements included. */
async function runWorker(
  place: BenchPlace,
  results: 'none' | 'postgres',
  count: number,
): Promise<number> {
  const app = benchApp(place, results)
  let seen = 0
  let done: () => void = () => undefined
  const finished = new Promise<void>((resolve) => {
    done = resolve
  })
  app.task('export.noop', () => {
    seen += 1
    if (seen === count) done()
  })
  await app.setUp()
  await app.results()
  const worker = app.worker({
    queues: ['export'],
    concurrency: CONCURRENCY,
    prefetchMultiplier: PREFETCH_MULTIPLIER,
  })
  const startedAt = performance.now()
  await worker.start()
  await finished
  await worker.stop()
  const rate = perSecondSince(startedAt, count)
  await app.close()
  return rate
}

async function forgetResults(place: BenchPlace): Promise<void> {
  await query(place.databaseUrl, 'drop table if exists celery_taskmeta, celery_tasksetmeta cascade')
  await query(place.databaseUrl, 'drop sequence if exists task_id_sequence, taskset_id_sequence')
}
