import type { Connection, Database } from '../../database/database.ts'
import { pruneClaims } from './prune-claims.ts'
import { pruneEvents, pruneMessages } from './prune-partitions.ts'
import { pruneQuarantine } from './prune-quarantine.ts'
import { pruneReplays } from './prune-replays.ts'
import { pruneTasks } from './prune-tasks.ts'
import type { PruneWork } from './prune-work.ts'
import { pruneWorkers } from './prune-workers.ts'
import type { PrunedPartitions, PruneOptions, PruneReport, PruneStep, Retention } from './types.ts'

/**
 * Deletes what is older than it has to be: old days of messages and events as whole partitions, all else in small
 * batches with rests, so that writers never wait for long. One at a time runs on a database; one that was cut short is
 * resumed where it was by the next call.
 */
export async function pruneHistory(
  database: Database,
  options: PruneOptions,
): Promise<PruneReport> {
  const startedAt = performance.now()
  return await database.transaction(async (guard) => {
    const isFirst = await isAlone(guard)
    const work = workOf(database, guard, options)
    const pruned = isFirst ? await prune(work, options) : NOTHING
    return {
      isDryRun: options.dryRun === true,
      isBusy: !isFirst,
      ...pruned,
      durationMs: performance.now() - startedAt,
    }
  })
}

type Pruned = Pick<PruneReport, PruneStep>

/** Tasks first: their messages, replays and workers have then no task to stay for. */
async function prune(work: PruneWork, retention: Retention): Promise<Pruned> {
  const tasks = await pruneTasks(work, retention)
  const { messagesMs, eventsMs, quarantineMs } = retention
  const workersMs = retention.tasksMs ?? eventsMs
  return {
    tasks,
    replays: await pruneReplays(work, retention),
    messages: messagesMs === undefined ? NONE : await pruneMessages(work, messagesMs),
    events: eventsMs === undefined ? NONE : await pruneEvents(work, eventsMs),
    workers: workersMs === undefined ? 0 : await pruneWorkers(work, workersMs),
    quarantine: quarantineMs === undefined ? 0 : await pruneQuarantine(work, quarantineMs),
    claims: await pruneClaims(work),
  }
}

const NONE: PrunedPartitions = { dropped: [], reduced: [], rows: 0 }
const NOTHING: Pruned = {
  tasks: 0,
  replays: 0,
  messages: NONE,
  events: NONE,
  workers: 0,
  quarantine: 0,
  claims: 0,
}

/** Longer than one statement of a prune, which the guard waits for in silence. */
const SILENT_MS = 3_600_000

/**
 * The lock goes with the transaction, and so with this process, also if that is killed. No lease: its time would have to be
 * extended while a long statement runs, and a prune that was suspended does no harm when it resumes beside another: both
 * delete only what is too old.
 */
async function isAlone(guard: Connection): Promise<boolean> {
  const [row] = await guard.query<{ is_alone: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtext('celery-toolbox prune')) AS is_alone,
      set_config('idle_in_transaction_session_timeout', $1, true)`,
    [String(SILENT_MS)],
  )
  return row?.is_alone === true
}

function workOf(database: Database, guard: Connection, options: PruneOptions): PruneWork {
  const { dryRun = false, batchSize = 2000, rest = 6, onProgress, signal } = options
  return {
    database,
    isDryRun: dryRun,
    batchSize,
    rest,
    signal,
    report: (progress) => onProgress?.(progress),
    // A transaction that says nothing for long may be ended by the server, and the lock with it.
    stayAlone: async () => void (await guard.query('SELECT 1')),
  }
}
