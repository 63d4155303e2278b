import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Board } from '../../src/flows/board/database/board.ts'
import { silentLogger } from '../../src/logger.ts'
import { redating } from '../../src/monitor/events/redate-tasks.ts'
import { WorkerClocks } from '../../src/monitor/events/worker-clocks.ts'
import { saveRules } from '../../src/monitor/privacy/save-rules.ts'
import { reinject } from '../../src/monitor/quarantine/reinject.ts'
import { cancelScheduled } from '../../src/monitor/scheduled/cancel-scheduled.ts'
import { backfill } from '../../src/monitor/states/backfill.ts'
import { writeBatch } from '../../src/monitor/write-batch.ts'
import { writeQuarantine } from '../../src/monitor/write-quarantine.ts'
import { Vault } from '../../src/schedule/vault.ts'
import { config, message, read } from '../monitor/messages.ts'
import { recordTask, storeResult } from '../monitor/states/recorded.ts'
import { alphabeticalDatabase } from '../support/postgres.ts'
import { waitFor } from '../support/wait-for.ts'

/** A statement that waits for rows of others. Its rows lie in the table in another order than that of their keys. */
interface Statement {
  readonly name: string
  readonly prepare: (database: Database) => Promise<unknown>
  readonly run: (database: Database) => Promise<unknown>
  /** Takes the lock of the row of this key. Default: of a task. */
  readonly lock?: string
  /** The keys of its two rows in the order of all; default as bytes are ordered, by which B comes before a. */
  readonly keys?: readonly [first: string | number, second: string | number]
}

const IDS = ['a', 'B']
const LOCK_TASK = 'SELECT FROM monitor.task WHERE task_id = $1 FOR UPDATE'
const LOCK_WAITING = 'SELECT FROM monitor.scheduled WHERE task_id = $1 FOR UPDATE'
const MINUTE_MS = 60_000

const STATEMENTS: readonly Statement[] = [
  {
    name: 'writing a batch',
    prepare: recordBoth,
    run: async (database) =>
      writeBatch(database, await Promise.all(IDS.map((id) => read(message({ id }))))),
  },
  { name: 'dating tasks anew', prepare: recordLate, run: redate },
  {
    name: 'making tasks of old results',
    prepare: async (database) => {
      for (const taskId of IDS)
        await storeResult(database, { taskId, status: 'SUCCESS', name: 'export.add' })
    },
    run: backfill,
    lock: 'INSERT INTO monitor.task (task_id) VALUES ($1)',
  },
  {
    name: 'cancelling what waits',
    prepare: holdBoth,
    run: (database) => new Vault(database).cancel(IDS),
    lock: LOCK_WAITING,
  },
  {
    name: 'cancelling what waits, as the monitor does',
    prepare: holdBoth,
    run: (database) => cancelScheduled(database, IDS),
    lock: LOCK_WAITING,
  },
  {
    name: 'recording what was cancelled',
    prepare: async (database) => {
      await holdBoth(database)
      await recordBoth(database)
    },
    run: (database) => cancelScheduled(database, IDS),
  },
  {
    name: 'resolving what was in quarantine',
    prepare: async (database) => {
      const problem = { code: 'ROW_REFUSED', reason: 'a test' }
      const kept = await Promise.all(IDS.map((id) => read(message({ id }))))
      await database.transaction((connection) =>
        writeQuarantine(
          connection,
          kept.map((one) => ({ ...one, problem })),
        ),
      )
      await database.query('UPDATE monitor.quarantine SET code = code WHERE id = 1')
    },
    run: (database) => reinject(database, { all: true }, { config }),
    lock: 'SELECT FROM monitor.quarantine WHERE id = $1 FOR UPDATE',
    keys: [1, 2],
  },
  {
    name: 'trashing jobs',
    prepare: async (database) => {
      const board = new Board(database)
      for (const name of IDS) await board.post({ name, definition: '{}' })
      await database.query('UPDATE flows.job SET attempts = 0 WHERE id = 1')
    },
    run: (database) => new Board(database).killAll({}),
    lock: 'SELECT FROM flows.job WHERE id = $1 FOR UPDATE',
    keys: [1, 2],
  },
]

test.each(STATEMENTS)(
  '$name takes its rows in the order of their keys: while it waits for the first, the second is free',
  async ({ prepare, run, lock = LOCK_TASK, keys: [first, second] = ['B', 'a'] }) => {
    const [holder, database] = await openTwice()
    await prepare(database)
    let running: Promise<unknown> | undefined
    await holder.transaction(async (connection) => {
      await connection.query(lock, [first])
      running = run(database)
      running.catch(() => undefined) // awaited below, unless this fails before
      await blocked(holder, 1)
      await database.transaction(async (other) => {
        await other.query("SET LOCAL lock_timeout = '2s'")
        await other.query(lock, [second])
      })
    })
    await running
  },
)

test('monitors that start at once with other rules do not deadlock', async () => {
  const [holder, database] = await openTwice()
  await saveRules(database, ['alpha', 'beta'])
  const saving: Promise<void>[] = []
  await holder.transaction(async (connection) => {
    await connection.query("SELECT FROM monitor.redaction WHERE rule = 'alpha' FOR UPDATE")
    for (const rule of ['beta', 'alpha']) {
      const saved = saveRules(holder, [rule])
      saved.catch(() => undefined) // awaited below, unless this fails before
      saving.push(saved)
      await blocked(holder, saving.length)
    }
  })
  await Promise.all(saving)
  expect(await database.query('SELECT rule FROM monitor.redaction')).toEqual([{ rule: 'alpha' }])
})

async function recordBoth(database: Database): Promise<void> {
  for (const task_id of IDS) await recordTask(database, { task_id })
}

async function holdBoth(database: Database): Promise<void> {
  for (const id of IDS)
    await database.query(
      `INSERT INTO monitor.scheduled (task_id, due_at, next_at, exchange, routing_key, properties, headers, body)
       VALUES ($1, 'infinity', 'infinity', '', 'export', '{}', '{}', '')`,
      [id],
    )
}

/** Reported by a worker whose clock is a minute behind. */
async function recordLate(database: Database): Promise<void> {
  const happened_at = new Date(Date.now() - MINUTE_MS)
  for (const task_id of IDS) {
    await recordTask(database, { task_id, published_at: happened_at })
    await database.query(
      `INSERT INTO monitor.event (day, happened_at, type, hostname, task_id, fields, digest)
       VALUES (($1::timestamptz AT TIME ZONE 'UTC')::date, $1, 'task-sent', 'late@host', $2, '{}', convert_to($2, 'UTF8'))`,
      [happened_at, task_id],
    )
  }
}

async function redate(database: Database): Promise<void> {
  const clocks = new WorkerClocks()
  const correction = { hostname: 'late@host', fromMs: 0, toMs: MINUTE_MS, foundAtMs: 0 }
  clocks.takeCorrections = () => [correction]
  const job = redating(database, clocks, silentLogger)
  await job.start()
  await waitFor('both to be dated anew', async () => {
    const late = await database.query(
      "SELECT FROM monitor.task WHERE published_at < now() - interval '50 seconds'",
    )
    return late.length === 0
  })
  await job.stop()
}

/** Without indexes rows are found as they lie in their table. */
async function openTwice(): Promise<[holder: Database, database: Database]> {
  const url = await alphabeticalDatabase()
  await migrateUp(url)
  const scans = ['indexscan', 'bitmapscan', 'indexonlyscan']
  const options = scans.map((scan) => `-c enable_${scan}=off`).join(' ')
  const [holder, database] = await Promise.all(
    [url, `${url}?options=${encodeURIComponent(options)}`].map((each) =>
      openDatabase({ url: each }),
    ),
  )
  if (holder === undefined || database === undefined) throw new Error('two were opened')
  onTestFinished(async () => void (await Promise.all([holder.close(), database.close()])))
  return [holder, database]
}

async function blocked(database: Database, count: number): Promise<void> {
  await waitFor(`${count} that wait for a lock`, async () => {
    const waiting = await database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return waiting.length >= count
  })
}
