import { type Backoff, retry } from '../../async/backoff.ts'
import type { Connection } from '../../database/database.ts'
import { recordFailureOf } from '../recording/record-failure.ts'
import {
  dropLeftovers,
  type Partition,
  type Partitioned,
  partitionsBefore,
  REDUCED,
} from './partition-tables.ts'
import { IS_FAILURE, IS_OVER } from './prune-tasks.ts'
import { cutoff, inBatches, type PruneWork } from './prune-work.ts'
import type { PrunedPartitions } from './types.ts'

export async function pruneEvents(work: PruneWork, keepMs: number): Promise<PrunedPartitions> {
  return await prunePartitions(work, { parent: 'event', keepMs, kept: null })
}

/** The messages of tasks that failed, or are not over, stay: they may have to be published again. */
export async function pruneMessages(work: PruneWork, keepMs: number): Promise<PrunedPartitions> {
  return await prunePartitions(work, { parent: 'message', keepMs, kept: OF_KEPT_TASKS })
}

const OF_KEPT_TASKS = `task_id IN (
    SELECT task.task_id FROM monitor.task
    LEFT JOIN public.celery_taskmeta AS meta ON meta.task_id = task.task_id
    WHERE ${IS_FAILURE} OR NOT coalesce(${IS_OVER}, false)
  )`

interface Plan {
  readonly parent: Partitioned
  readonly keepMs: number
  /** The condition for rows that stay. */
  readonly kept: string | null
}

async function prunePartitions(work: PruneWork, plan: Plan): Promise<PrunedPartitions> {
  const { parent, keepMs } = plan
  const before = cutoff(keepMs)
  if (!work.isDryRun) await dropLeftovers(work.database, parent)
  const partitions = await partitionsBefore(work.database, parent, before)
  const counts = { dropped: [] as string[], reduced: [] as string[], rows: 0 }
  for (const [at, partition] of partitions.entries()) {
    work.signal?.throwIfAborted()
    await work.stayAlone()
    await pruneOne(work, plan, { partition, counts })
    const deleted = counts.dropped.length + counts.reduced.length
    work.report({ step: `${parent}s`, done: at + 1, total: partitions.length, deleted })
  }
  const day = before.toISOString().slice(0, 10)
  counts.rows += await deleteRows(work, plan, `monitor.${parent}_default WHERE day < '${day}'`)
  return counts
}

interface Pruning {
  readonly partition: Partition
  readonly counts: { dropped: string[]; reduced: string[]; rows: number }
}

async function pruneOne(
  work: PruneWork,
  plan: Plan,
  { partition, counts }: Pruning,
): Promise<void> {
  const table = `monitor.${partition.name}`
  if (partition.isReduced) counts.rows += await deleteRows(work, plan, `${table} WHERE true`)
  const keepsSome = await hasKept(work, plan, table)
  if (keepsSome && partition.isReduced) return
  counts[keepsSome ? 'reduced' : 'dropped'].push(partition.day)
  if (work.isDryRun) return
  if (keepsSome) await fill(work, plan, partition)
  await swap(work, { parent: plan.parent, partition, isReplaced: keepsSome })
  await work.database.query(`DROP TABLE monitor.${partition.name}_old`)
}

async function hasKept(work: PruneWork, { kept }: Plan, table: string): Promise<boolean> {
  if (kept === null) return false
  const rows = await work.database.query(`SELECT FROM ${table} WHERE ${kept} LIMIT 1`)
  return rows.length > 0
}

/** A table beside, ready to be the day's partition, with what stays of the day. A day that is over gets no new rows. */
async function fill(work: PruneWork, { parent, kept }: Plan, partition: Partition): Promise<void> {
  const { name, day } = partition
  await work.database.transaction(async (connection) => {
    await connection.query(`
      CREATE TABLE monitor.${name}_new (LIKE monitor.${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
      INSERT INTO monitor.${name}_new SELECT * FROM monitor.${name} WHERE ${kept};
      -- So that attaching it need not look at the rows.
      ALTER TABLE monitor.${name}_new ADD CONSTRAINT ${name}_day CHECK (day >= '${day}' AND day < date '${day}' + 1);
      COMMENT ON TABLE monitor.${name}_new IS '${REDUCED}';`)
  })
}

interface Swap {
  readonly parent: Partitioned
  readonly partition: Partition
  readonly isReplaced: boolean
}

/**
 * Takes a day's partition out of the table, and puts the reduced one in its place. That locks the whole table, if for
 * milliseconds only; who waits for the lock holds up all writers, so it waits for a moment only, and tries again.
 */
async function swap(work: PruneWork, { parent, partition, isReplaced }: Swap): Promise<void> {
  const { name, day } = partition
  const replace = `
      ALTER TABLE monitor.${name}_new RENAME TO ${name};
      ALTER TABLE monitor.${parent} ATTACH PARTITION monitor.${name} FOR VALUES FROM ('${day}') TO (date '${day}' + 1);`
  const run = async (connection: Connection) => {
    await connection.query(`
      SET LOCAL lock_timeout = '${LOCK_TIMEOUT}';
      ALTER TABLE monitor.${parent} DETACH PARTITION monitor.${name};
      ALTER TABLE monitor.${name} RENAME TO ${name}_old;
      ${isReplaced ? replace : ''}`)
  }
  await retry(() => work.database.transaction(run), {
    backoff: LOCK_BACKOFF,
    withinMs: LOCK_WITHIN_MS,
    ...(work.signal !== undefined && { signal: work.signal }),
    onFailure: ({ cause }) => {
      if (recordFailureOf(cause) !== 'contended') throw cause
    },
  })
}

const LOCK_TIMEOUT = '150ms'
const LOCK_BACKOFF: Backoff = { initialMs: 100, factor: 1.5, maxMs: 3_000, jitter: 0.5 }
const LOCK_WITHIN_MS = 10 * 60_000

/** `rows` is a table and a condition. How many went. */
async function deleteRows(work: PruneWork, { kept }: Plan, rows: string): Promise<number> {
  const gone = `${rows}${kept === null ? '' : ` AND (task_id IS NULL OR NOT ${kept})`}`
  if (work.isDryRun) return 0
  let deleted = 0
  await inBatches(work, async () => {
    const table = rows.slice(0, rows.indexOf(' '))
    const ids = await work.database.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${gone} LIMIT $1)) RETURNING 1`,
      [work.batchSize],
    )
    deleted += ids.length
    return ids.length < work.batchSize
  })
  return deleted
}
