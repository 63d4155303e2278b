import type { Connection } from '../../../database/database.ts'
import type { FollowUp, FollowUps } from '../../mirror/follow-ups.ts'

export interface TaskState {
  readonly taskId: string
  readonly name: string | null
  readonly status: string
}

/** A task of the view, as far as saying why needs it. */
export interface HistoryTask extends TaskState {
  readonly reason: string | null
  readonly queue: string | null
  readonly retries: number
  readonly eta: Date | null
  readonly publishedAt: Date | null
  readonly finishedAt: Date | null
  readonly runtimeMs: number | null
  readonly worker: string | null
  readonly replayOf: string | null
  readonly lost: Readonly<Record<string, unknown>> | null
  readonly followUps: FollowUps | null
  /** The kind of the doubt, of a task that is UNHEARD. */
  readonly doubt: string | null
}

/** The members of a chord that are known, and how many there are. */
export interface Chord {
  readonly body: FollowUp
  readonly size: number
  readonly members: readonly TaskState[]
}

/** A step that is not published yet, and the task it comes after. */
export type Step = {
  readonly id: string
  readonly name: string | null
  readonly parent: HistoryTask
  /** The steps of the chain between the two. */
  readonly between: readonly FollowUp[]
} & (
  | { readonly as: 'chain' | 'callback' | 'errback' }
  | { readonly as: 'chord'; readonly chord: Chord }
)

export async function readHistory(
  database: Connection,
  taskIds: readonly string[],
): Promise<readonly HistoryTask[]> {
  return await database.query<HistoryTask>(
    `SELECT ${COLUMNS} FROM monitor.task_history WHERE task_id = ANY ($1) ORDER BY published_at, task_id`,
    [taskIds],
  )
}

/** The chord that a task is a member of. */
export async function chordOf(
  database: Connection,
  { taskId, followUps }: Pick<HistoryTask, 'taskId' | 'followUps'>,
): Promise<Chord | undefined> {
  const body = followUps?.chord
  if (body?.id === undefined) return undefined
  const members = await database.query<TaskState>(MEMBERS, [taskId, { chord: { id: body.id } }])
  return { body, members, size: Math.max(body.size ?? 0, members.length) }
}

/**
 * Members as a rule share their root. In Python those of a chord without a parent have none in common; where the
 * backend cannot count them, celery.chord_unlock names them all.
 */
const MEMBERS = `
  WITH one AS MATERIALIZED (SELECT root_id, group_id FROM monitor.task WHERE task_id = $1)
  SELECT task_id AS "taskId", name, status
  FROM monitor.task_history
  WHERE task_id IN (
    SELECT $1
    UNION
    SELECT task_id FROM one JOIN monitor.task USING (root_id) WHERE follow_ups @> $2
    UNION
    SELECT waited #>> '{}'
    FROM one
    JOIN monitor.task AS unlock ON unlock.args @> jsonb_build_array(one.group_id)
    CROSS JOIN jsonb_path_query(unlock.kwargs, '$.result[*][0][0]') AS waited
    WHERE one.group_id IS NOT NULL AND left(unlock.name, 200) = 'celery.chord_unlock'
  )
  ORDER BY published_at, task_id`

/** Where the id is that of a step to come: what it comes after. */
export async function whatPrecedes(database: Connection, id: string): Promise<Step | undefined> {
  const found = await database.query<{ taskId: string }>(
    `SELECT task_id AS "taskId" FROM monitor.task
     WHERE follow_ups IS NOT NULL AND position($1 IN follow_ups::text) > 0
       AND jsonb_path_exists(follow_ups, '$.**.id ? (@ == $id)', $2)
     ORDER BY published_at DESC LIMIT 20`,
    [id, { id }],
  )
  const parents = await readHistory(
    database,
    found.map(({ taskId }) => taskId),
  )
  // The latest of a chain knows best what is left of it.
  for (const parent of parents.toReversed()) {
    const step = await stepAfter(database, parent, id)
    if (step !== undefined) return step
  }
  return undefined
}

async function stepAfter(
  database: Connection,
  parent: HistoryTask,
  id: string,
): Promise<Step | undefined> {
  const { chain = [], callbacks = [], errbacks = [], chord } = parent.followUps ?? {}
  const known = { id, parent, between: [] }
  const at = chain.findIndex((step) => holds(step, id))
  if (at >= 0)
    return { ...known, as: 'chain', name: nameIn(chain[at], id), between: chain.slice(0, at) }
  const callback = callbacks.find((step) => holds(step, id))
  if (callback !== undefined) return { ...known, as: 'callback', name: nameIn(callback, id) }
  const errback = errbacks.find((step) => holds(step, id))
  if (errback !== undefined) return { ...known, as: 'errback', name: nameIn(errback, id) }
  const found =
    chord !== undefined && holds(chord, id) ? await chordOf(database, parent) : undefined
  return found && { ...known, as: 'chord', name: nameIn(chord, id), chord: found }
}

function holds(step: FollowUp, id: string): boolean {
  return find(step, id) !== undefined
}

function nameIn(step: FollowUp | undefined, id: string): string | null {
  return (step && find(step, id)?.name) ?? null
}

/** The step itself, or one inside it. */
function find(step: FollowUp, id: string): FollowUp | undefined {
  if (step.id === id) return step
  const { steps = [], chain = [], callbacks = [], errbacks = [], chord } = step
  for (const inner of [...steps, ...chain, ...callbacks, ...errbacks, ...(chord ? [chord] : [])]) {
    const found = find(inner, id)
    if (found !== undefined) return found
  }
  return undefined
}

const COLUMNS = `
  task_id AS "taskId", name, status, reason, queue, retries, eta, published_at AS "publishedAt",
  finished_at AS "finishedAt", runtime_ms AS "runtimeMs", worker, replay_of AS "replayOf", lost,
  follow_ups AS "followUps",
  CASE WHEN status = 'UNHEARD' THEN (
    SELECT unheard ->> 'kind' FROM monitor.task WHERE task.task_id = task_history.task_id) END AS doubt`
