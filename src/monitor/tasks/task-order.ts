import type { TaskEntry } from '../mirror/task-entry.ts'
import type { CallSource } from './task-progress.ts'

const KNOWLEDGE: Readonly<Record<CallSource, number>> = {
  message: 3,
  'task-sent': 2,
  'task-received': 1,
  event: 0,
  // What tasks backfill makes of a stored result.
  result: -1,
}

/** How much later a call is than another; 0 where only the database can decide, which looks at all of it. */
export function callOrder(one: TaskEntry, other: TaskEntry): number {
  return (
    KNOWLEDGE[one.source] - KNOWLEDGE[other.source] ||
    one.retries - other.retries ||
    one.nesting - other.nesting ||
    one.changes - other.changes
  )
}

/** How much further a task got than another entry says; 0 as above. As monitor.is_further. */
export function progressOrder(one: TaskEntry, other: TaskEntry): number {
  return (
    stateClass(one.state) - stateClass(other.state) ||
    (one.stateAtMs ?? -1) - (other.stateAtMs ?? -1) ||
    stateRank(one.state) - stateRank(other.state)
  )
}

/** As monitor.state_class: 0 published, 1 under way, 2 over. */
export function stateClass(state: string): number {
  if (state === 'PENDING') return 0
  return OVER.has(state) ? 2 : 1
}

/** As monitor.state_rank. */
function stateRank(state: string): number {
  if (state === 'PENDING') return 0
  if (state === 'RECEIVED') return 1
  return OVER.has(state) || state === 'LOST' ? 3 : 2
}

const OVER: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED'])

/** The same two orders in SQL, where `row` is `kept` or `excluded`. */
export function callOrderSql(row: string): string {
  return `(${knowledgeSql(row)}, coalesce(${row}.options -> 'retries', '0'),
      coalesce(${row}.options -> 'replaced_task_nesting', '0'), coalesce(${row}.options -> 'changes', '0'),
      coalesce(${row}.options, 'null'),
      coalesce(${row}.args, 'null'), coalesce(${row}.kwargs, 'null'), ${text(row, 'name')}, ${text(row, 'routing_key')},
      ${text(row, 'queue')}, ${text(row, 'origin')}, ${text(row, 'lang')}, coalesce(${row}.eta, '-infinity'),
      coalesce(${row}.expires, '-infinity'), coalesce(${row}.follow_ups, 'null'))`
}

/** Whether a row stems from a message, and so is dated by the monitor itself. */
export function isOfMessage(row: string): string {
  return `(${row}.options IS NOT NULL AND NOT ${row}.options ? 'reported_by')`
}

/** Options are written by the source of the call; a row without them was not written by the monitor. */
function knowledgeSql(row: string): string {
  const cases = Object.entries(KNOWLEDGE).map(([name, rank]) => `WHEN '${name}' THEN ${rank}`)
  return `CASE WHEN ${row}.options IS NULL THEN -1
      ELSE CASE coalesce(${row}.options ->> 'reported_by', 'message') ${cases.join(' ')} ELSE 3 END END`
}

function text(row: string, column: string): string {
  return `coalesce(${row}.${column}, '') COLLATE "C"`
}
