import type { Connection, Database } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'

interface ReplayTurn {
  readonly taskId: string
  readonly turn: number
  readonly newId: string
}

interface LedgerRow {
  readonly turn: number
  readonly new_id: string
  readonly published_at: Date | null
  readonly is_recorded: boolean
}

/**
 * Takes the next turn of a task and the id it is to run under, before anything is published. A turn that was taken
 * and not published, as its taker died, is taken over with its id. Throws `MonitorError` REPLAY_REPEATED where
 * it was published already, unless `isAgain`.
 */
export async function takeTurn(
  database: Database,
  taskId: string,
  { newId, isAgain }: { readonly newId: string; readonly isAgain: boolean },
): Promise<ReplayTurn> {
  const last = await requireTurn(database, taskId, isAgain)
  if (last?.isPublished === false) return { taskId, turn: last.turn, newId: last.new_id }
  const turn = (last?.turn ?? 0) + 1
  const taken = await database.query(
    `INSERT INTO monitor.replay (task_id, turn, new_id) VALUES ($1, $2, $3)
     ON CONFLICT (task_id, turn) DO NOTHING RETURNING turn`,
    [taskId, turn, newId],
  )
  if (taken.length === 0) throw inProgress(taskId)
  return { taskId, turn, newId }
}

/** Throws `MonitorError` REPLAY_REPEATED where no turn is left to take; answers the last that was taken. */
export async function requireTurn(
  database: Database,
  taskId: string,
  isAgain: boolean,
): Promise<(LedgerRow & { readonly isPublished: boolean }) | undefined> {
  const [last] = await database.query<LedgerRow>(LAST_TURN, [taskId])
  if (last === undefined) return undefined
  const isPublished = last.published_at !== null || last.is_recorded
  if (isPublished && !isAgain) throw repeated(taskId, last.new_id, last.published_at)
  return { ...last, isPublished }
}

/** Publishes while the turn is locked: of two who would publish it at once, one is refused. */
export async function publishTurn(
  database: Database,
  { taskId, turn, newId }: ReplayTurn,
  publish: () => Promise<void>,
): Promise<void> {
  await database.transaction(async (connection: Connection) => {
    const [row] = await connection.query<{ published_at: Date | null }>(
      `SELECT published_at FROM monitor.replay WHERE task_id = $1 AND turn = $2 FOR UPDATE SKIP LOCKED`,
      [taskId, turn],
    )
    if (row === undefined) throw inProgress(taskId)
    if (row.published_at !== null) throw repeated(taskId, newId, row.published_at)
    await publish()
    await connection.query(
      'UPDATE monitor.replay SET published_at = now() WHERE task_id = $1 AND turn = $2',
      [taskId, turn],
    )
  })
}

/** What the mirror has recorded was published, even if the process that published it has died since. */
const LAST_TURN = `
  SELECT turn, new_id, replay.published_at,
    EXISTS (SELECT FROM monitor.task WHERE task.task_id = replay.new_id) AS is_recorded
  FROM monitor.replay
  WHERE replay.task_id = $1
  ORDER BY turn DESC
  LIMIT 1`

function repeated(taskId: string, newId: string, at: Date | null): MonitorError {
  const when = at === null ? '' : ` at ${at.toISOString()}`
  return new MonitorError(
    'REPLAY_REPEATED',
    `task ${taskId} was replayed${when} as ${newId}; replay it with "again" to run it once more`,
  )
}

function inProgress(taskId: string): MonitorError {
  return new MonitorError('REPLAY_REPEATED', `task ${taskId} is being replayed by another process`)
}
