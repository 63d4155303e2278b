import type { Database } from '../../../database/database.ts'
import { isRecord } from '../../../protocol/field-readers.ts'
import type { TaskState } from './family.ts'

/** What a suspended flow waits for. */
export interface FlowSituation {
  readonly until: Date | null
  /** Signals by name; a signal with the id of a task is the end of that task. */
  readonly signals: readonly string[]
  readonly tasks: readonly TaskState[]
}

/** Of a flow whose last report is that it was suspended; null of any other. */
export async function flowSituation(
  database: Database,
  flowId: string,
): Promise<FlowSituation | null> {
  const [row] = await database.query<{ type: string; waits: unknown }>(LATEST, [flowId])
  if (row?.type !== 'flow-suspended' || !isRecord(row.waits)) return null
  const { until, signals: named } = row.waits
  const signals = Array.isArray(named) ? named.filter((name) => typeof name === 'string') : []
  const tasks = await database.query<TaskState>(TASKS, [signals])
  const ids = new Set(tasks.map(({ taskId }) => taskId))
  return {
    until: typeof until === 'number' ? new Date(until) : null,
    signals: signals.filter((name) => !ids.has(name)),
    tasks,
  }
}

export function inFlow({ until, signals, tasks }: FlowSituation): string[] {
  return [
    ...tasks.map(
      ({ taskId, name, status }) => `it waits for its step ${name} (${taskId}): ${status}`,
    ),
    ...signals.map((name) => `it waits for the signal "${name}"`),
    ...(until === null ? [] : [`its flow continues at ${until.toISOString()}`]),
  ]
}

const LATEST = `
  SELECT type, fields -> 'waits_for' AS waits FROM monitor.event
  WHERE task_id = $1 AND type LIKE 'flow-%' ORDER BY happened_at DESC, id DESC LIMIT 1`

const TASKS = `
  SELECT task_id AS "taskId", name, status FROM monitor.task_history WHERE task_id = ANY ($1) ORDER BY published_at, task_id`
