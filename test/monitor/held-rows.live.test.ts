import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { closeChordUnlocks, settleDoubts } from '../../src/monitor/evidence/settle-doubts.ts'
import { pruneHistory } from '../../src/monitor/retention/prune-history.ts'
import { markRecentResults, markResults } from '../../src/monitor/states/mark-results.ts'
import { migratedDatabase } from '../support/postgres.ts'
import { recordTask } from './states/recorded.ts'

/** Work that comes round again, and changes many rows in whatever order they are found. */
interface Work {
  readonly name: string
  readonly run: (database: Database) => Promise<unknown>
  /** What it works on: one row that another transaction holds, and one that is free. */
  readonly prepare: (database: Database, key: 'held' | 'free') => Promise<unknown>
  /** Of these rows, those that are not done. */
  readonly left: string
  /** Default: a task. */
  readonly row?: readonly [table: string, key: string]
}

const TASKS = 'SELECT task_id AS key FROM monitor.task WHERE'
const LONG_AGO = new Date(Date.now() - 2 * 86_400_000)
const OVER = { state: 'SUCCESS', state_at: LONG_AGO, finished_at: LONG_AGO }
const prune = (database: Database) => pruneHistory(database, { tasksMs: 1000, rest: 0 })

const WORK: readonly Work[] = [
  {
    name: 'marking results',
    prepare: async (database, key) => {
      await recordTask(database, { task_id: key })
      await database.query('INSERT INTO monitor.result_mark (task_id) VALUES ($1)', [key])
    },
    run: markRecentResults,
    left: `${TASKS} NOT is_result`,
  },
  {
    name: 'forgetting marks',
    prepare: async (database, key) => {
      await recordTask(database, { task_id: key, is_result: true })
      await database.query('INSERT INTO monitor.result_mark (task_id) VALUES ($1)', [key])
    },
    run: markResults,
    left: 'SELECT task_id AS key FROM monitor.result_mark',
    row: ['result_mark', 'task_id'],
  },
  {
    name: 'taking back doubts of a worker that is heard again',
    prepare: async (database, key) => {
      await database.query(
        `INSERT INTO monitor.worker_process (hostname, pid, last_heartbeat_at) VALUES ($1, 7, now())`,
        [key],
      )
      const unheard = { kind: 'no-heartbeats', was: 'STARTED', evidence: { pid: 7 } }
      const state = { state: 'UNHEARD', state_at: new Date(), worker: key }
      await recordTask(database, { task_id: key, ...state, unheard })
    },
    run: (database) => settleDoubts(database, [], 3),
    left: `${TASKS} state = 'UNHEARD'`,
  },
  {
    name: 'taking back doubts of messages that are in their queue again',
    prepare: (database, key) => {
      const unheard = { kind: 'silent-worker', was: 'PENDING' }
      return recordTask(database, { task_id: key, state: 'UNHEARD', queue: 'export', unheard })
    },
    run: (database) => {
      const observed = { messages: 2, consumers: 0, emptySinceMs: null, consumedSinceMs: null }
      return settleDoubts(database, [['export', observed]], 3)
    },
    left: `${TASKS} state = 'UNHEARD'`,
  },
  {
    name: 'closing the unlock tasks of chords',
    prepare: async (database, key) => {
      const at = { published_at: new Date() }
      await recordTask(database, { task_id: `body ${key}`, options: {}, state: 'SUCCESS', ...at })
      const args = [null, { options: { task_id: `body ${key}` } }]
      await recordTask(database, { task_id: key, name: 'celery.chord_unlock', args, ...at })
    },
    run: closeChordUnlocks,
    left: `${TASKS} state = 'PENDING'`,
  },
  {
    name: 'a prune of tasks',
    prepare: (database, key) =>
      recordTask(database, { task_id: key, published_at: LONG_AGO, ...OVER }),
    run: prune,
    left: `${TASKS} true`,
  },
  {
    name: 'a prune of tasks without a message',
    prepare: (database, key) => recordTask(database, { task_id: key, ...OVER }),
    run: prune,
    left: `${TASKS} true`,
  },
  {
    name: 'a prune of processes',
    prepare: (database, key) =>
      database.query(
        'INSERT INTO monitor.worker_process (hostname, pid, heard_at) VALUES ($1, 7, $2)',
        [key, LONG_AGO],
      ),
    run: prune,
    left: 'SELECT hostname AS key FROM monitor.worker_process',
    row: ['worker_process', 'hostname'],
  },
]

test.each(WORK)(
  '$name waits for no row that another transaction holds, and comes back for it',
  async ({ prepare, run, left, row: [table, key] = ['task', 'task_id'] }) => {
    const url = await migratedDatabase()
    const holder = await opened(url)
    const database = await opened(`${url}?options=-c%20lock_timeout%3D3s`)
    for (const which of ['held', 'free'] as const) await prepare(database, which)
    const keysLeft = async () =>
      (await database.query<{ key: string }>(left)).map((found) => found.key)

    await holder.transaction(async (connection) => {
      await connection.query(`SELECT FROM monitor.${table} WHERE ${key} = 'held' FOR UPDATE`)
      await run(database)
      expect(await keysLeft()).toEqual(['held'])
    })
    await run(database)
    expect(await keysLeft()).toEqual([])
  },
)

async function opened(url: string): Promise<Database> {
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  return database
}
