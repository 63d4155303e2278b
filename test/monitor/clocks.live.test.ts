import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import type { Database } from '../../src/database/database.ts'
import { disagreements, Ledger } from '../support/ledger.ts'
import { freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { startNodePod, startPythonPod } from '../support/pods.ts'
import { waitFor } from '../support/wait-for.ts'

const HOUR = 3600
const CLOCKS = join(import.meta.dirname, '../support/clocks')

test.each([
  ['behind', -HOUR],
  ['ahead', HOUR],
])(
  'of workers of both languages whose clock is an hour %s, order and durations are right to a second',
  async (_, offsetS) => {
    const field = await openField()
    const { app, clock, startWorkers, database } = field
    clock(offsetS)
    await startWorkers()
    const sent = await send(app, 3)
    await waitFor('the drift', () => isDrift(database, -offsetS))
    sent.push(...(await send(app, 1)))
    await expectRight(field, sent)
  },
  60_000,
)

test('a clock that jumps an hour back while tasks run, and is set right again, moves no time by more than a second', async () => {
  const field = await openField()
  const { app, clock, startWorkers, database } = field
  clock(0)
  await startWorkers()
  const sent = await send(app, 5)
  await waitFor('both to run', () => countOf(database, 'STARTED', 2))
  clock(-HOUR)
  sent.push(...(await send(app, 1)))
  await waitFor('the drift', () => isDrift(database, HOUR))
  sent.push(...(await send(app, 4)))
  await waitFor('both to run', () => countOf(database, 'STARTED', 2))
  clock(0)
  await waitFor('the clock to be right', () => isDrift(database, null))
  sent.push(...(await send(app, 1)))
  await expectRight(field, sent)
}, 90_000)

/** One file has by how much the clock of both workers is wrong. */
async function openField() {
  const { ledger: _other, ...servers } = await freshServers(['export', 'python'])
  const folder = mkdtempSync(join(tmpdir(), 'celery-toolbox-clock-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'offset')
  const database = await startMonitor(servers)
  const ledger = new Ledger()
  const env = {
    ...servers.env,
    CLOCK_OFFSET: file,
    PYTHONPATH: CLOCKS,
    NODE_OPTIONS: `--import=${join(CLOCKS, 'node-clock.mjs')}`,
  }
  const skewed = { ...servers, env }
  return {
    database,
    ledger,
    app: liveApp(servers),
    clock: (offsetS: number) => writeFileSync(file, String(offsetS)),
    startWorkers: () =>
      Promise.all([
        startPythonPod(skewed, ledger, { name: 'python@clocks', args: ['-E'] }),
        startNodePod(skewed, ledger, { name: 'node@clocks' }),
      ]),
  }
}

interface Sent {
  readonly id: string
  readonly takesS: number
}

async function send(app: CeleryApp, takesS: number): Promise<Sent[]> {
  const results = ['python.pay', 'export.pay'].map((name) => app.sendTask(name, [takesS]))
  return (await Promise.all(results)).map(({ id }) => ({ id, takesS }))
}

/** Of both workers; null: their clocks are right. */
async function isDrift(database: Database, drift: number | null): Promise<boolean> {
  const rows = await database.query<{ drift: number | null }>(
    'select drift_s as drift from monitor.worker',
  )
  const isAsTold = (known: number | null) =>
    drift === null ? known === null : Math.abs((known ?? 0) - drift) <= 1
  return rows.length === 2 && rows.every((row) => isAsTold(row.drift))
}

async function countOf(database: Database, state: string, count: number): Promise<boolean> {
  const rows = await database.query('select from monitor.task where state = $1', [state])
  return rows.length === count
}

/** In the view and in the table: published, received, started, finished, in this order, and now. */
async function expectRight(
  { database, ledger }: Awaited<ReturnType<typeof openField>>,
  sent: readonly Sent[],
): Promise<void> {
  await waitFor(
    'times that are right',
    async () => {
      for (const table of ['task_history', 'task'])
        expect(await wrongIn(database, table, sent)).toEqual([])
      return true
    },
    { deadlineMs: 20_000, everyMs: 300 },
  )
  const ids = sent.map(({ id }) => id)
  expect(await disagreements(database, ledger, { sent: ids })).toEqual([])
}

async function wrongIn(database: Database, table: string, sent: readonly Sent[]) {
  const columns = ['published', 'received', 'started', 'finished'].map(
    (what) => `extract(epoch from now() - ${what}_at)::float8`,
  )
  const rows = await database.query<{ id: string; ages: readonly (number | null)[] }>(
    `select task_id as id, array[${columns.join()}] as ages from monitor.${table} where task_id = any ($1)`,
    [sent.map(({ id }) => id)],
  )
  expect(rows).toHaveLength(sent.length)
  return rows.filter(({ id, ages }) => {
    const takesS = sent.find((one) => one.id === id)?.takesS ?? 0
    const [published = 0, received = 0, started = 0, finished = 0] = ages.map((age) => age ?? 1e6)
    const isInOrder = received - published < 1 && started - received < 1 && finished > -1
    return !isInOrder || published > 120 || Math.abs(started - finished - takesS) > 1
  })
}
