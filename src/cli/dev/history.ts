import type { Database } from '../../database/database.ts'
import { print, printTable } from '../output/output.ts'
import { type Column, statusColour } from '../output/table.ts'

interface HistoryLine {
  readonly task: string | null
  readonly status: string
  readonly outcome: string | null
  readonly received: string | null
  readonly started: string | null
  readonly finished: string | null
  readonly ms: number | null
  readonly queue: string | null
  readonly retries: number
  readonly id: string
  readonly parent: string | null
}

// A chord's unlocking is Celery's own clockwork, and keeps no result.
const HISTORY = `select name as task, status, coalesce(exception, result::text) as outcome,
       to_char(received_at, 'HH24:MI:SS.MS') as received, to_char(started_at, 'MI:SS.MS') as started,
       to_char(finished_at, 'MI:SS.MS') as finished, round(runtime_ms) as ms, queue, retries,
       left(task_id, 8) as id, left(parent_id, 8) as parent
  from monitor.task_history
 where published_at >= $1 and name <> 'celery.chord_unlock'
 order by finished_at`

const COUNTS = `select status, count(*)
  from monitor.task_history
 where name <> 'celery.chord_unlock'
 group by 1 order by 1`

const COLUMNS: readonly Column<HistoryLine>[] = [
  { title: 'task', value: ({ task }) => task },
  {
    title: 'status',
    value: ({ status }) => status,
    colour: ({ status }) => statusColour(status),
  },
  { title: 'result or error', value: ({ outcome }) => outcome },
  { title: 'received', value: ({ received }) => received },
  { title: 'started', value: ({ started }) => started },
  { title: 'finished', value: ({ finished }) => finished },
  { title: 'ms', value: ({ ms }) => ms, align: 'right' },
  { title: 'queue', value: ({ queue }) => queue },
  { title: 'retries', value: ({ retries }) => retries, align: 'right' },
  { title: 'id', value: ({ id }) => id },
  { title: 'parent', value: ({ parent }) => parent },
]

/** What the database says of the tasks since then, as a user would ask it. */
export async function printHistory(database: Database, startedAt: Date): Promise<void> {
  const tasks = await database.query<HistoryLine>(HISTORY, [startedAt])
  print(`\n${HISTORY.replace('$1', `'${startedAt.toISOString()}'`)}\n`)
  printTable(COLUMNS, tasks)
  const counts = await database.query<{ status: string; count: number }>(COUNTS)
  print(`\n${COUNTS}\n`)
  printTable(
    [
      {
        title: 'status',
        value: ({ status }) => status,
        colour: ({ status }) => statusColour(status),
      },
      { title: 'count', value: ({ count }) => count, align: 'right' },
    ],
    counts,
  )
}
