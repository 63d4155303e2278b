import type { Database } from '../../database/database.ts'
import { atATime } from '../../database/long-bodies.ts'
import type { Problem } from '../mirror/types.ts'
import type { Ingested } from '../recording/ingested.ts'
import { recordFailureOf } from '../recording/record-failure.ts'
import { writeBatch } from '../write-batch.ts'
import { KEPT_COLUMNS, type KeptColumns, type KeptRow, keptRows } from './kept-message.ts'
import { type ReadAgainConfig, readerOf, type StillWrong, stillWrong } from './read-again.ts'

/** Which messages: those of these ids, or all of a code, or all there are. */
export type ReinjectSelection =
  | { readonly ids: readonly number[] }
  | { readonly code: string }
  | { readonly all: true }

export interface ReinjectOptions {
  /** Names the queues; says what may be stored. */
  readonly config: ReadAgainConfig
  /** Says what would become of them, and changes nothing. */
  readonly dryRun?: boolean
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

export interface ReinjectReport {
  readonly isDryRun: boolean
  /** Unresolved messages that were selected. */
  readonly looked: number
  /** Of those, how many are read and recorded now. */
  readonly recorded: number
  /** Why the others are still not: how many by code, and the first of them. */
  readonly stillUnread: readonly StillUnread[]
  /** Ids that were asked for, of which nothing unresolved is in quarantine. */
  readonly missing: readonly number[]
}

export interface StillUnread extends Problem {
  readonly count: number
  readonly firstId: number
}

/**
 * Reads messages of the quarantine again, as after a fix. Those that can be read now are recorded as if they had just
 * been delivered, and resolved; the others stay. Doing it again changes nothing.
 */
export async function reinject(
  database: Database,
  selection: ReinjectSelection,
  options: ReinjectOptions,
): Promise<ReinjectReport> {
  const { config, dryRun: isDryRun = false, onProgress } = options
  const read = readerOf(config)
  const [{ total } = { total: 0 }] = await database.query<{ total: number }>(
    `SELECT count(*) AS total FROM monitor.quarantine WHERE ${SELECTED}`,
    [0, ...parametersOf(selection)],
  )
  const missing = 'ids' in selection ? await missingOf(database, selection.ids) : []
  const unread = new Map<string, StillUnread>()
  let [looked, recorded, after] = [0, 0, 0]
  for (;;) {
    const rows = await page(database, selection, after)
    if (rows.length === 0) break
    const outcomes = await Promise.all(rows.map(async (row) => ({ row, one: await read(row) })))
    const wrong = outcomes.map(({ row, one }) => stillWrong(row, one))
    const readable = outcomes.filter((_, at) => wrong[at] === null)
    const refused = isDryRun ? [] : await record(database, readable)
    for (const one of [...wrong, ...refused]) if (one !== null) note(unread, one)
    looked += rows.length
    recorded += readable.length - refused.length
    after = rows.at(-1)?.id ?? after
    onProgress?.({ done: looked, total })
  }
  return { isDryRun, looked, recorded, stillUnread: [...unread.values()], missing }
}

async function missingOf(database: Database, ids: readonly number[]): Promise<number[]> {
  const rows = await database.query<{ id: number }>(
    `SELECT id FROM unnest($1::bigint[]) AS wanted (id)
     WHERE NOT EXISTS (SELECT FROM monitor.quarantine kept WHERE kept.id = wanted.id AND resolved_at IS NULL)`,
    [ids],
  )
  return rows.map(({ id }) => id)
}

interface Outcome {
  readonly row: KeptRow
  readonly one: Ingested
}

const PAGE = 500

async function page(
  database: Database,
  selection: ReinjectSelection,
  after: number,
): Promise<KeptRow[]> {
  const found = await database.query<KeptColumns>(
    `SELECT ${KEPT_COLUMNS} FROM monitor.quarantine WHERE ${SELECTED} ORDER BY id LIMIT ${PAGE}`,
    [after, ...parametersOf(selection)],
  )
  return await keptRows(database, atATime(found))
}

const SELECTED = `id > $1 AND resolved_at IS NULL AND ($2::bigint[] IS NULL OR id = ANY ($2))
  AND ($3::text IS NULL OR code = $3)`

function parametersOf(selection: ReinjectSelection): unknown[] {
  return ['ids' in selection ? selection.ids : null, 'code' in selection ? selection.code : null]
}

/** What PostgreSQL still refuses stays; the others of its page are written without it. */
async function record(database: Database, outcomes: readonly Outcome[]): Promise<StillWrong[]> {
  if (outcomes.length === 0) return []
  try {
    await writeBatch(
      database,
      outcomes.map(({ one }) => one),
    )
    await resolve(database, outcomes)
    return []
  } catch (cause) {
    if (recordFailureOf(cause) !== 'row') throw cause
    const [only] = outcomes
    if (outcomes.length === 1 && only !== undefined)
      return [{ row: only.row, problem: { code: 'ROW_REFUSED', reason: String(cause) } }]
    const middle = Math.ceil(outcomes.length / 2)
    const first = await record(database, outcomes.slice(0, middle))
    return [...first, ...(await record(database, outcomes.slice(middle)))]
  }
}

/** After the rows are committed: cut short between both, it is read again, and written once. */
async function resolve(database: Database, outcomes: readonly Outcome[]): Promise<void> {
  await database.query(RESOLVE, [outcomes.map(({ row }) => row.id)])
}

/** Rows are locked in one order: two who reinject the same at once do not deadlock. */
const RESOLVE = `
  WITH found AS MATERIALIZED (
    SELECT id FROM monitor.quarantine WHERE id = ANY ($1::bigint[]) AND resolved_at IS NULL
    ORDER BY id FOR NO KEY UPDATE
  )
  UPDATE monitor.quarantine SET resolved_at = now() FROM found WHERE quarantine.id = found.id`

function note(unread: Map<string, StillUnread>, { row, problem }: StillWrong): void {
  const key = `${problem.code} ${problem.reason}`
  const known = unread.get(key)
  unread.set(key, { firstId: known?.firstId ?? row.id, ...problem, count: (known?.count ?? 0) + 1 })
}
