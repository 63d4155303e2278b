import type { Connection } from '../../database/database.ts'

export interface StatsOptions {
  /** One line for each name, queue, worker or hour; without it one line for all. */
  readonly by?: StatsKey
  /** Published at this time or later. Default a day ago. */
  readonly since?: Date
  readonly until?: Date
}

export type StatsKey = 'name' | 'queue' | 'worker' | 'hour'

export const STATS_KEYS: readonly StatsKey[] = ['name', 'queue', 'worker', 'hour']

export interface TaskStats {
  /** The name, queue, worker or hour; null where it is not known, and for all tasks together. */
  readonly key: string | null
  readonly tasks: number
  /** How many there are of each state. */
  readonly states: Readonly<Record<string, number>>
  /** Of those that succeeded or failed, from 0 to 1; null where there are none yet. */
  readonly successRate: number | null
  readonly retries: number
  /** From when it was due until a worker started it, in milliseconds. */
  readonly wait: Percentiles
  /** How long it ran, in milliseconds. */
  readonly run: Percentiles
  /** Tasks that ended, over the time from the first message to the last end: at least a minute. */
  readonly perMinute: number | null
}

export interface Percentiles {
  readonly p50: number | null
  readonly p95: number | null
  readonly max: number | null
}

/** Celery reports how long a task ran only if it succeeded. */
const SPENT = `CASE WHEN state = 'FAILURE' THEN extract(epoch FROM finished_at - started_at)::double precision * 1000 END`

const DAY_MS = 86_400_000

/** How tasks fared, the most frequent key first; hours in their order. */
export async function taskStats(
  database: Connection,
  { by, since = new Date(Date.now() - DAY_MS), until }: StatsOptions = {},
): Promise<TaskStats[]> {
  const key = by === undefined ? 'NULL::text' : KEYS[by]
  return await database.query<TaskStats>(
    `WITH chosen AS MATERIALIZED (
       SELECT ${key} AS key, state, retries, published_at, finished_at,
         coalesce(runtime_ms, ${SPENT}) AS run,
         extract(epoch FROM started_at - greatest(published_at, eta))::double precision * 1000 AS wait
       FROM monitor.task
       WHERE published_at >= $1 AND ($2::timestamptz IS NULL OR published_at < $2)
     ), by_state AS (
       SELECT key, jsonb_object_agg(state, tasks) AS states
       FROM (SELECT key, state, count(*) AS tasks FROM chosen GROUP BY key, state) AS counted
       GROUP BY key
     ), summed AS (${SUMMED})
     SELECT summed.key, tasks, states, "successRate", summed.retries, wait, run, "perMinute"
     FROM summed JOIN by_state ON by_state.key IS NOT DISTINCT FROM summed.key
     ORDER BY ${by === 'hour' ? 'summed.key' : 'tasks DESC, summed.key'}`,
    [since, until ?? null],
  )
}

const KEYS: Readonly<Record<StatsKey, string>> = {
  name: 'name',
  queue: 'queue',
  worker: 'worker',
  hour: `to_char(published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')`,
}

const SUMMED = `
       SELECT key, count(*)::integer AS tasks, sum(retries)::double precision AS retries,
         count(*) FILTER (WHERE state = 'SUCCESS')::double precision
           / nullif(count(*) FILTER (WHERE state IN ('SUCCESS', 'FAILURE')), 0) AS "successRate",
         ${percentiles('wait')}, ${percentiles('run')},
         nullif(count(finished_at), 0) * 60::double precision
           / greatest(extract(epoch FROM max(finished_at) - min(published_at)), 60)::double precision AS "perMinute"
       FROM chosen
       GROUP BY key`

function percentiles(column: string): string {
  const at = (fraction: number): string =>
    `percentile_disc(${fraction}) WITHIN GROUP (ORDER BY ${column})`
  return `jsonb_build_object('p50', ${at(0.5)}, 'p95', ${at(0.95)}, 'max', max(${column})) AS ${column}`
}
