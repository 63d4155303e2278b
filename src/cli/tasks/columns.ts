import type { TaskSummary } from '../../monitor/queries/history-columns.ts'
import { type Column, statusColour } from '../table.ts'

/** How tasks are listed. */
export const TASK_COLUMNS: readonly Column<TaskSummary>[] = [
  { title: 'published', value: ({ publishedAt }) => publishedAt },
  { title: 'task', value: ({ name }) => name },
  {
    title: 'status',
    value: ({ status }) => status,
    colour: ({ status }) => statusColour(status),
  },
  { title: 'finished', value: ({ finishedAt }) => finishedAt },
  { title: 'queue', value: ({ queue }) => queue },
  { title: 'retries', value: ({ retries }) => retries, align: 'right' },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
]
