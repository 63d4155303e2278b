import type { Connection } from '../../database/database.ts'
import { isLiving } from './census.ts'

/** The living workers that say that they take from a queue, by its name. */
export type Takers = ReadonlyMap<string, ReadonlySet<string>>

export async function takersOf(database: Connection, missedHeartbeats: number): Promise<Takers> {
  const rows = await database.query<{ queue: string; workers: readonly string[] }>(TAKERS, [
    missedHeartbeats,
  ])
  return new Map(rows.map(({ queue, workers }) => [queue, new Set(workers)]))
}

const TAKERS = `
  SELECT queue, array_agg(hostname) AS workers
  FROM monitor.worker_process process, unnest(process.queues) AS queue
  WHERE ${isLiving('process', '$1')}
  GROUP BY queue`
