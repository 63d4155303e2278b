import type { Control } from '../../control/control.ts'
import type { Connection } from '../../database/database.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { jsonbText } from '../stored/stored-json.ts'

/** What a worker says of itself. */
interface WorkerAnswer {
  readonly hostname: string
  /** From which it takes tasks. */
  readonly queues: readonly string[]
  /** How a Python worker runs them; null where it does not say. */
  readonly pool: string | null
}

/** The workers to ask: they alone hear the question, and the wait ends as soon as all of them have answered. */
interface Asked {
  readonly workers: readonly string[]
  /** Those of Python of which it is not known how they run tasks. */
  readonly unknown: readonly string[]
}

export type TakeCensus = (asked: Asked) => Promise<readonly WorkerAnswer[]>

const TIMEOUT_MS = 1_500

/** Asks workers by the commands `active_queues` and `stats` of remote control. */
export function censusBy(control: Pick<Control, 'broadcast'>): TakeCensus {
  const ask = async (command: string, destination: readonly string[]): Promise<Replies> =>
    destination.length === 0
      ? []
      : await control.broadcast(command, {}, { reply: true, timeoutMs: TIMEOUT_MS, destination })
  return async ({ workers, unknown }) => {
    const [queues, stats] = await Promise.all([
      ask('active_queues', workers),
      ask('stats', unknown),
    ])
    return censusOf(queues, stats)
  }
}

type Replies = readonly Readonly<Record<string, unknown>>[]

/** Our own workers answer with their queues only. */
export function censusOf(queues: Replies, stats: Replies): readonly WorkerAnswer[] {
  const pools = new Map(
    stats.flatMap((reply) => Object.entries(reply)).map(([name, said]) => [name, poolOf(said)]),
  )
  return queues
    .flatMap((reply) => Object.entries(reply))
    .flatMap(([hostname, said]) =>
      Array.isArray(said)
        ? [{ hostname, queues: said.flatMap(nameIn), pool: pools.get(hostname) ?? null }]
        : [],
    )
}

function nameIn(queue: unknown): string[] {
  return isRecord(queue) && typeof queue.name === 'string' ? [queue.name] : []
}

/** Before Celery 5.3 the pool does not say its name; that of `-P solo` is the only one whose process is the worker's own. */
function poolOf(stats: unknown): string | null {
  if (!isRecord(stats) || !isRecord(stats.pool)) return null
  const { implementation, processes } = stats.pool
  if (typeof implementation === 'string') {
    return /^celery\.concurrency\.(\w+):/.exec(implementation)?.[1] ?? implementation.slice(0, 200)
  }
  return Array.isArray(processes) && processes.includes(stats.pid) ? 'solo' : 'unnamed'
}

/** The living workers. */
export async function workersToAsk(database: Connection, missedHeartbeats: number): Promise<Asked> {
  const rows = await database.query<{ hostname: string; isKnown: boolean }>(LIVING, [
    missedHeartbeats,
  ])
  return {
    workers: rows.map(({ hostname }) => hostname),
    unknown: rows.filter(({ isKnown }) => !isKnown).map(({ hostname }) => hostname),
  }
}

/** Writes down what living processes have answered; where two have one name, it is unknown which of them did. */
export async function noteCensus(
  database: Connection,
  answers: readonly WorkerAnswer[],
  missedHeartbeats: number,
): Promise<void> {
  if (answers.length > 0) await database.query(NOTE, [jsonbText(answers), missedHeartbeats])
}

/** A process that is heard of, and has not announced its stop; `missed` is the parameter of how many heartbeats may be missed. */
export function isLiving(process: string, missed: string): string {
  return `(${process}.heard_at > now() - ${missed}::float8 * coalesce(nullif(${process}.heartbeat_every_s, 0), 2) * interval '1 second'
    AND coalesce(${process}.offline_at < ${process}.last_heartbeat_at, true))`
}

const LIVING = `
  SELECT hostname, bool_and(pool IS NOT NULL OR software IS NOT DISTINCT FROM 'celery-toolbox') AS "isKnown"
  FROM monitor.worker_process process
  WHERE ${isLiving('process', '$1')}
  GROUP BY hostname`

/** Rows are locked in the order of their keys, as by those who write events. */
const NOTE = `
  WITH answered AS MATERIALIZED (
    SELECT process.hostname, process.pid, said.queues, said.pool
    FROM jsonb_to_recordset($1::jsonb) AS said(hostname text, queues text[], pool text)
    JOIN monitor.worker_process process ON process.hostname = said.hostname
    WHERE ${isLiving('process', '$2')}
      AND (process.queues IS DISTINCT FROM said.queues OR process.pool IS DISTINCT FROM coalesce(said.pool, process.pool))
      AND NOT EXISTS (SELECT FROM monitor.worker_process other
        WHERE other.hostname = process.hostname AND other.pid <> process.pid AND ${isLiving('other', '$2')})
    ORDER BY process.hostname COLLATE "C", process.pid
    FOR NO KEY UPDATE OF process
  )
  UPDATE monitor.worker_process process
  SET queues = answered.queues, pool = coalesce(answered.pool, process.pool)
  FROM answered
  WHERE process.hostname = answered.hostname AND process.pid = answered.pid`
