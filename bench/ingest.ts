import type { Delivery } from 'celery-toolbox'
import { Monitor, migrateUp, openDatabase } from 'celery-toolbox/monitor'
import pg from 'pg'
import {
  type BenchPlace,
  benchApp,
  ensurePythonPackage,
  openPlace,
  query,
  runPeer,
} from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'

const ANCESTOR = 'Django get_or_create a message'

/** The mirror's way: broker, decoded, committed, acknowledged; beside one get-or-create a message. */
export async function ingestScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  await ensurePythonPackage('django')
  return {
    name: 'mirror ingest',
    baseline: ANCESTOR,
    goals: [{ ours: 'celery-toolbox', than: ANCESTOR, atLeast: 20 }],
    contenders: [
      { name: 'celery-toolbox', run: async () => runMonitor(place, count) },
      {
        name: ANCESTOR,
        run: async () => {
          const fewer = Math.ceil(count / 20)
          await (await fill(place, fewer)).close()
          return Number(await runPeer('get_or_create.py', [String(fewer)], place))
        },
      },
      {
        name: 'select and insert a message (pg)',
        run: async () => selectAndInsert(place, Math.ceil(count / 20)),
      },
    ],
    close: place.close,
  }
}

async function fill(place: BenchPlace, count: number): Promise<ReturnType<typeof benchApp>> {
  await query(place.databaseUrl, 'truncate monitor.task, monitor.message')
  const app = benchApp(place, 'none')
  await app.setUp()
  await app.broker().purge('platform.fifo')
  for (let sent = 0; sent < count; sent += 1_000) {
    const some = Math.min(1_000, count - sent)
    await Promise.all(
      Array.from({ length: some }, async (_, at) =>
        app.sendTask('export.add', [at, 'some text'], { slug: `project-${at}` }),
      ),
    )
  }
  await app.broker().purge('export')
  return app
}

async function runMonitor(place: BenchPlace, count: number): Promise<number> {
  const app = await fill(place, count)
  const database = await openDatabase({ url: place.databaseUrl })
  const monitor = new Monitor({ broker: app.broker(), database, config: app.config })
  const startedAt = performance.now()
  await monitor.start()
  while (monitor.stats().messages < count) await new Promise((resolve) => setTimeout(resolve, 5))
  await monitor.stop()
  const rate = perSecondSince(startedAt, count)
  await database.close()
  await app.close()
  const [row] = await query<{ rows: number }>(
    place.databaseUrl,
    'select count(*)::int as rows from monitor.task',
  )
  if (row?.rows !== count) throw new Error(`${row?.rows} rows of ${count} were recorded`)
  return rate
}

/** The least that one row a message can cost: look for it, insert it, each in a transaction of its own. */
async function selectAndInsert(place: BenchPlace, count: number): Promise<number> {
  const app = await fill(place, count)
  const client = new pg.Client({ connectionString: place.databaseUrl })
  await client.connect()
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    let seen = 0
    let work = Promise.resolve()
    const record = async (delivery: Delivery): Promise<void> => {
      await selectAndInsertRow(client, delivery)
      seen += 1
      if (seen === count) resolve()
    }
    app
      .broker()
      .consume('platform.fifo', { prefetch: 400 }, (delivery) => {
        work = work.then(async () => record(delivery)).catch(reject)
      })
      .catch(reject)
  })
  const rate = perSecondSince(startedAt, count)
  await client.end()
  await app.close()
  return rate
}

async function selectAndInsertRow(client: pg.Client, delivery: Delivery): Promise<void> {
  const { headers, body } = delivery.message
  const [args, kwargs] = JSON.parse(body.toString()) as [unknown, unknown]
  const found = await client.query('select task_id from monitor.task where task_id = $1', [
    headers.id,
  ])
  if (found.rowCount === 0) {
    await client.query(
      'insert into monitor.task (task_id, name, args, kwargs) values ($1, $2, $3, $4)',
      [headers.id, headers.task, JSON.stringify(args), JSON.stringify(kwargs)],
    )
  }
  await delivery.ack()
}
