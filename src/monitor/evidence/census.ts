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
  /** When it acknowledges its tasks, by their names; null where it does not say. */
  readonly acknowledges: Acknowledges | null
}

type Acknowledges = Readonly<Record<string, 'early' | 'late'>>

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
  const acknowledges = new Map(
    answersIn(registered).map(([name, said]) => [name, acknowledgesIn(said)]),
  )
  return answersIn(queues).flatMap(([hostname, said]) =>
    Array.isArray(said)
      ? [
          {
            hostname,
            queues: said.flatMap(nameIn),
            pool: pools.get(hostname) ?? null,
            acknowledges: acknowledges.get(hostname) ?? null,
          },
        ]
      : [],
  )
}

function answersIn(replies: Replies): readonly (readonly [string, unknown])[] {
  return replies.flatMap((reply) => Object.entries(reply))
}

/** Each task is there as `name [acks_late=True]`. */
function acknowledgesIn(registered: unknown): Acknowledges | null {
  if (!Array.isArray(registered)) return null
  return Object.fromEntries(
    registered.flatMap((text): [string, 'early' | 'late'][] => {
      const [, name, isLate] = (typeof text === 'string' ? ACKS_LATE.exec(text) : null) ?? []
      return name === undefined ? [] : [[name, isLate === 'True' ? 'late' : 'early']]
    }),
  )
}

const ACKS_LATE = /^(.*) \[acks_late=(True|False)\]$/s

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
    bool_and(acknowledges IS NOT NULL) AS "isListed"
  FROM monitor.worker_process process
  WHERE ${isLiving('process', '$1')}
  GROUP BY hostname`

/** Rows are locked in the order of their keys, as by those who write events. */
const NOTE = `
  WITH answered AS MATERIALIZED (
    SELECT process.hostname, process.pid, said.queues, said.pool, said.acknowledges
    FROM jsonb_to_recordset($1::jsonb) AS said(hostname text, queues text[], pool text, acknowledges jsonb)
    JOIN monitor.worker_process process ON process.hostname = said.hostname
    WHERE ${isLiving('process', '$2')}
      AND (process.queues IS DISTINCT FROM said.queues OR process.pool IS DISTINCT FROM coalesce(said.pool, process.pool)
        OR process.acknowledges IS DISTINCT FROM coalesce(said.acknowledges, process.acknowledges))
      AND NOT EXISTS (SELECT FROM monitor.worker_process other
        WHERE other.hostname = process.hostname AND other.pid <> process.pid AND ${isLiving('other', '$2')})
    ORDER BY process.hostname COLLATE "C", process.pid
    FOR NO KEY UPDATE OF process
  )
  UPDATE monitor.worker_process process
  SET queues = answered.queues, pool = coalesce(answered.pool, process.pool),
    acknowledges = coalesce(answered.acknowledges, process.acknowledges)
  FROM answered
  WHERE process.hostname = answered.hostname AND process.pid = answered.pid`
