import { migrateUp } from 'celery-toolbox/monitor'
import pg from 'pg'
import { copyIn, copyOut } from './copy.ts'
import { type BenchPlace, benchApp, openPlace, query } from './environment.ts'
import { perSecondSince, type Scenario } from './measure.ts'
import { feed } from './mirror-feed.ts'
import { recordedBy, startMonitors } from './monitors.ts'

const ONE = 'one monitor'
const TWO = 'two monitors'
const COPY = 'COPY of the same rows'

/** The mirror's whole way beside the fastest way into the same indexed tables, and two monitors beside one. */
export async function ingestCopyScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  const cpu = { monitorMs: 0, messages: 0 }
  return {
    name: 'mirror ingest beside COPY',
    baseline: COPY,
    goals: [
      { ours: ONE, than: COPY, atLeast: 0.5 },
      { ours: TWO, than: ONE, atLeast: 1.5 },
    ],
    contenders: [
      { name: ONE, run: async () => ingest(place, { count, monitors: 1, cpu }) },
      { name: COPY, run: async () => copyAgain(place) },
      { name: TWO, run: async () => ingest(place, { count, monitors: 2, cpu }) },
    ],
    notes: () => [
      `CPU of the monitors themselves: ${((1_000 * cpu.monitorMs) / cpu.messages).toFixed(1)} µs a message`,
    ],
    close: place.close,
  }
}

interface Ingest {
  readonly count: number
  readonly monitors: number
  readonly cpu: { monitorMs: number; messages: number }
}

/** Monitors that are up and idle get a queue that is full: the time from the first message recorded to the last. */
async function ingest(place: BenchPlace, { count, monitors, cpu }: Ingest): Promise<number> {
  await query(place.databaseUrl, 'truncate monitor.task, monitor.message')
  await purge(place)
  await feed(place, count)
  const running = await startMonitors(place, monitors)
  await recordedBy(running, 1)
  const firstAt = performance.now()
  const before = running.reduce((total, { messages }) => total + messages, 0)
  await recordedBy(running, count)
  const rate = perSecondSince(firstAt, count - before)
  cpu.monitorMs += running.reduce((total, { cpuMs }) => total + cpuMs, 0)
  cpu.messages += count
  await allRecorded(place, count)
  await Promise.all(running.map(async (monitor) => monitor.stop()))
  return rate
}

/** What was delivered twice was counted twice; the rows tell. */
async function allRecorded(place: BenchPlace, count: number): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const [row] = await query<{ rows: number }>(
      place.databaseUrl,
      'select count(*)::int as rows from monitor.task',
    )
    if (row?.rows === count) return
    if (performance.now() > deadline) throw new Error(`${row?.rows} rows of ${count} were recorded`)
    console.error(`  ${row?.rows} rows of ${count} so far`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function purge(place: BenchPlace): Promise<void> {
  const app = benchApp(place, 'none')
  await app.setUp()
  await app.broker().purge('platform.fifo')
  await app.close()
}

/** The rows of the run before, taken out and put back in, two tables and all indexes. */
async function copyAgain(place: BenchPlace): Promise<number> {
  const client = new pg.Client({ connectionString: place.databaseUrl })
  await client.connect()
  try {
    const messageColumns = (await columnsOf(client, 'message')).filter((name) => name !== 'id')
    const columns = messageColumns.join(', ')
    const tasks = await copyOut(client, 'select * from monitor.task')
    const messages = await copyOut(client, `select ${columns} from monitor.message`)
    const { rows } = await client.query<{ count: string }>('select count(*) from monitor.task')
    await client.query('truncate monitor.task, monitor.message')
    const startedAt = performance.now()
    await client.query('begin')
    await copyIn(client, 'monitor.task', tasks)
    await copyIn(client, `monitor.message (${columns})`, messages)
    await client.query('commit')
    return perSecondSince(startedAt, Number(rows[0]?.count))
  } finally {
    await client.end()
  }
}

async function columnsOf(client: pg.Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'monitor' and table_name = $1 order by ordinal_position`,
    [table],
  )
  return rows.map(({ name }) => name)
}
