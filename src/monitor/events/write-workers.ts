import { bigint, float8, integer, text, timeMs } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'
import { Stage } from '../stored/stage.ts'
import type { WorkerEntry } from './worker-entry.ts'

/** Moves the rows of workers forward, in the order of their names. */
export async function writeWorkers(
  connection: Transaction,
  workers: readonly WorkerEntry[],
): Promise<void> {
  await STAGE.write(connection, workers, UPSERT)
}

const STAGE = new Stage<WorkerEntry>('worker', [
  text('hostname', (worker) => worker.hostname),
  timeMs('at', (worker) => worker.atMs),
  text('kind', (worker) => worker.kind),
  bigint('clock', (worker) => worker.clock),
  integer('pid', (worker) => worker.pid),
  text('software', (worker) => worker.software),
  text('software_version', (worker) => worker.softwareVersion),
  text('platform', (worker) => worker.platform),
  float8('heartbeat_every_s', (worker) => worker.everySeconds),
  integer('active', (worker) => worker.active),
  bigint('processed', (worker) => worker.processed),
  text('load_average', (worker) => worker.loadAverage),
  float8('drift_s', (worker) => worker.driftSeconds),
])

/** Taken as a whole from a worker's latest event. */
const LATEST: readonly (readonly [column: string, type: string])[] = [
  ['clock', 'bigint'],
  ['pid', 'integer'],
  ['active', 'integer'],
  ['processed', 'bigint'],
  ['software', 'text'],
  ['software_version', 'text'],
  ['platform', 'text'],
  ['heartbeat_every_s', 'float8'],
  ['load_average', 'float8[]'],
  ['drift_s', 'float8'],
]

const TIMES: readonly (readonly [column: string, kinds: string])[] = [
  ['online_at', "kind = 'online'"],
  // To come online is a sign of life as well.
  ['last_heartbeat_at', "kind <> 'offline'"],
  ['offline_at', "kind = 'offline'"],
]

const COLUMNS = LATEST.map(([column]) => column)

/** The time of the row's latest event: the greater of two of its times. */
function age(row: string): string {
  const last = `greatest(${row}.last_heartbeat_at, ${row}.offline_at)`
  return `(${[last, ...LATEST.map((column) => comparable(`${row}.${column[0]}`, column[1]))].join(', ')})`
}

/** NULL comes first; text is compared by its bytes. */
function comparable(column: string, type: string): string {
  if (type === 'text') return `coalesce(${column}, '') COLLATE "C"`
  return type === 'float8[]' ? `coalesce(${column}, '{}')` : `coalesce(${column}, -1)`
}

const IS_LATER = `${age('excluded')} > ${age('kept')}`

/** Of several events of a worker in a batch the latest makes the row, and each kind its time. */
const NEW = `
  SELECT DISTINCT ON (hostname COLLATE "C") hostname,
    ${LATEST.map(([column, type]) => `${column}::${type} AS ${column}`).join(', ')},
    ${TIMES.map(([column, kinds]) => `max(at) FILTER (WHERE ${kinds}) OVER same AS ${column}`).join(',\n    ')}
  FROM ${STAGE.table}
  WINDOW same AS (PARTITION BY hostname)
  ORDER BY hostname COLLATE "C", at DESC,
    ${LATEST.map(([column, type]) => `${comparable(`${column}::${type}`, type)} DESC`).join(', ')}`

const UPSERT = `
  INSERT INTO monitor.worker AS kept (hostname, ${COLUMNS.join(', ')}, ${TIMES.map(([column]) => column).join(', ')})
  ${NEW}
  ON CONFLICT (hostname) DO UPDATE SET
    (${COLUMNS.join(', ')}) = (
      SELECT ${COLUMNS.map((column) => `CASE WHEN is_later THEN excluded.${column} ELSE kept.${column} END`).join(', ')}
      FROM (SELECT ${IS_LATER} AS is_later OFFSET 0) AS age),
    ${TIMES.map(([column]) => `${column} = greatest(kept.${column}, excluded.${column})`).join(', ')},
    updated_at = now()
  WHERE ${IS_LATER}
    OR ${TIMES.map(([column]) => `kept.${column} IS DISTINCT FROM greatest(kept.${column}, excluded.${column})`).join(' OR ')}`
