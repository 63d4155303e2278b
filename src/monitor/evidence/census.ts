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
  /** Names of the tasks that it acknowledges late; null where it does not say. */
  readonly lateTasks: readonly string[] | null
}

/** The workers to ask: they alone hear the question, and the wait ends as soon as all of them have answered. */
interface Asked {
  readonly workers: readonly string[]
  /** Those of Python of which it is not known how they run tasks. */
  readonly unknown: readonly string[]
  /** Those of which it is not known which tasks they acknowledge late. */
  readonly unlisted: readonly string[]
}

export type TakeCensus = (asked: Asked) => Promise<readonly WorkerAnswer[]>

const TIMEOUT_MS = 1_500

/** Asks workers by the commands `active_queues`, `stats` and `registered` of remote control. */
export function censusBy(control: Pick<Control, 'broadcast'>): TakeCensus {
  const ask = async (command: Command, destination: readonly string[]): Promise<Replies> =>
    destination.length === 0
      ? []
      : await control.broadcast(command, ARGUMENTS[command], {
          reply: true,
          timeoutMs: TIMEOUT_MS,
          destination,
        })
  return async ({ workers, unknown, unlisted }) => {
    const [queues, stats, registered] = await Promise.all([
      ask('active_queues', workers),
      ask('stats', unknown),
      ask('registered', unlisted),
    ])
    return censusOf({ queues, stats, registered })
  }
}

const ARGUMENTS = {
  active_queues: {},
  stats: {},
  registered: { taskinfoitems: ['acks_late'], builtins: true },
} as const

type Command = keyof typeof ARGUMENTS

type Replies = readonly Readonly<Record<string, unknown>>[]

/** Our own workers do not say how they run tasks. */
export function censusOf({
  queues,
  stats,
  registered,
}: Readonly<Record<'queues' | 'stats' | 'registered', Replies>>): readonly WorkerAnswer[] {
  const pools = new Map(answersIn(stats).map(([name, said]) => [name, poolOf(said)]))
  const late = new Map(answersIn(registered).map(([name, said]) => [name, lateTasksIn(said)]))
  return answersIn(queues).flatMap(([hostname, said]) =>
    Array.isArray(said)
      ? [
          {
            hostname,
            queues: said.flatMap(nameIn),
            pool: pools.get(hostname) ?? null,
            lateTasks: late.get(hostname) ?? null,
          },
        ]
      : [],
  )
}

function answersIn(replies: Replies): readonly (readonly [string, unknown])[] {
  return replies.flatMap((reply) => Object.entries(reply))
}

/** Each task is there as `name [acks_late=True]`; where one says neither, nothing is known. */
function lateTasksIn(registered: unknown): readonly string[] | null {
  if (!Array.isArray(registered)) return null
  const said = registered.map((text) => (typeof text === 'string' ? ACKNOWLEDGES.exec(text) : null))
  if (said.includes(null)) return null
  return said.flatMap((match) => (match?.[2] === 'True' ? (match[1] ?? []) : []))
}

const ACKNOWLEDGES = /^(.*) \[acks_late=(True|False)\]$/s

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
  const rows = await database.query<Living>(LIVING, [missedHeartbeats])
  return {
    workers: rows.map(({ hostname }) => hostname),
    unknown: rows.filter(({ isKnown }) => !isKnown).map(({ hostname }) => hostname),
    unlisted: rows.filter(({ isListed }) => !isListed).map(({ hostname }) => hostname),
  }
}

interface Living {
  readonly hostname: string
  readonly isKnown: boolean
  readonly isListed: boolean
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
  SELECT hostname, bool_and(pool IS NOT NULL OR software IS NOT DISTINCT FROM 'celery-toolbox') AS "isKnown",
    bool_and(late_tasks IS NOT NULL) AS "isListed"
  FROM monitor.worker_process process
  WHERE ${isLiving('process', '$1')}
  GROUP BY hostname`

/** Rows are locked in the order of their keys, as by those who write events. */
const NOTE = `
  WITH answered AS MATERIALIZED (
    SELECT process.hostname, process.pid, said.queues, said.pool, said."lateTasks" AS late_tasks
    FROM jsonb_to_recordset($1::jsonb) AS said(hostname text, queues text[], pool text, "lateTasks" text[])
    JOIN monitor.worker_process process ON process.hostname = said.hostname
    WHERE ${isLiving('process', '$2')}
      AND (process.queues IS DISTINCT FROM said.queues OR process.pool IS DISTINCT FROM coalesce(said.pool, process.pool)
        OR process.late_tasks IS DISTINCT FROM coalesce(said."lateTasks", process.late_tasks))
      AND NOT EXISTS (SELECT FROM monitor.worker_process other
        WHERE other.hostname = process.hostname AND other.pid <> process.pid AND ${isLiving('other', '$2')})
    ORDER BY process.hostname COLLATE "C", process.pid
    FOR NO KEY UPDATE OF process
  )
  UPDATE monitor.worker_process process
  SET queues = answered.queues, pool = coalesce(answered.pool, process.pool),
    late_tasks = coalesce(answered.late_tasks, process.late_tasks)
  FROM answered
  WHERE process.hostname = answered.hostname AND process.pid = answered.pid`
