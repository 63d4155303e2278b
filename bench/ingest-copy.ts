import { cpus } from 'node:os'
import { migrateUp } from 'celery-toolbox/monitor'
import pg from 'pg'
import { copyIn, copyOut } from './copy.ts'
import { type BenchPlace, benchApp, openPlace, query } from './environment.ts'
import { median, perSecondSince, type Scenario } from './measure.ts'
import { feed } from './mirror-feed.ts'
import { type MonitorProcess, recordedBy, startMonitors, sum } from './monitors.ts'

const ONE = 'one monitor'
const TWO = 'two monitors'
const COPY = 'COPY of the same rows'
const SHARE = 0.15
const HELD_ONE = `one, of ${100 * SHARE} % of a core`
const HELD_TWO = `two, of ${100 * SHARE} % of a core each`
/** Code is compiled by then. */
const WARM_UP = 0.1
/** From here on nothing is left to go faster with. */
const ALL_BUSY = 0.9

/**
 * The mirror's whole way beside the fastest way into the same indexed tables, and two monitors beside one: at full
 * speed, and held so that the servers have cores to spare.
 */
export async function ingestCopyScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  const used: Usage[] = []
  const run = (name: string, monitors: number, share?: number) => ({
    name,
    run: async () => {
      const usage = await ingest(place, { count, monitors, share })
      used.push({ ...usage, name })
      return usage.perSecond
    },
  })
  return {
    name: 'mirror ingest beside COPY',
    baseline: COPY,
    goals: [
      { ours: ONE, than: COPY, atLeast: 0.5 },
      { ours: TWO, than: ONE, atLeast: 1.5, limit: () => machineLimit(busyOf(used, TWO)) },
      { ours: HELD_TWO, than: HELD_ONE, atLeast: 1.5 },
    ],
    contenders: [
      run(ONE, 1),
      { name: COPY, run: async () => copyAgain(place) },
      run(TWO, 2),
      run(HELD_ONE, 1, SHARE),
      run(HELD_TWO, 2, SHARE),
    ],
    notes: () => [
      ...[ONE, TWO, HELD_ONE, HELD_TWO].map((name) => `${name}: ${coresText(busyOf(used, name))}`),
      `CPU of the monitor itself: ${median(used.filter(({ name }) => name === ONE).map(({ cpuUs }) => cpuUs)).toFixed(0)} µs a message`,
    ],
    close: place.close,
  }
}

interface Usage {
  readonly name: string
  readonly perSecond: number
  /** Of the monitors, a message. */
  readonly cpuUs: number
  /** Cores that worked, of all on this machine. */
  readonly busy: number
}

function busyOf(used: readonly Usage[], name: string): number {
  return median(used.filter((usage) => usage.name === name).map(({ busy }) => busy))
}

function coresText(busy: number): string {
  return `${busy.toFixed(2)} of ${cpus().length} cores were busy`
}

function machineLimit(busy: number): string | undefined {
  return busy < ALL_BUSY * cpus().length
    ? undefined
    : `the machine is the limit: ${coresText(busy)}`
}

interface Ingest {
  readonly count: number
  readonly monitors: number
  readonly share: number | undefined
}

/** Monitors that are up and idle get a queue that is full: the time from when they are warm to the last message. */
async function ingest(
  place: BenchPlace,
  { count, monitors, share }: Ingest,
): Promise<Omit<Usage, 'name'>> {
  await query(place.databaseUrl, 'truncate monitor.task, monitor.message')
  await purge(place)
  await feed(place, count)
  const running = await startMonitors(place, monitors)
  await recordedBy(running, WARM_UP * count)
  if (share !== undefined) for (const monitor of running) monitor.hold(share)
  const before = { at: performance.now(), messages: sum(running), cpuMs: cpuOf(running) }
  const machine = machineMs()
  await recordedBy(running, count)
  const messages = count - before.messages
  const elapsedMs = performance.now() - before.at
  const usage = {
    perSecond: perSecondSince(before.at, messages),
    cpuUs: (1_000 * (cpuOf(running) - before.cpuMs)) / messages,
    busy: (machineMs() - machine) / elapsedMs,
  }
  await allRecorded(place, count)
  await Promise.all(running.map(async (monitor) => monitor.stop()))
  return usage
}

function cpuOf(monitors: readonly MonitorProcess[]): number {
  return monitors.reduce((total, { cpuMs }) => total + cpuMs, 0)
}

/** What all cores have worked so far. */
function machineMs(): number {
  return cpus().reduce(
    (total, { times }) => total + times.user + times.nice + times.sys + times.irq,
    0,
  )
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
