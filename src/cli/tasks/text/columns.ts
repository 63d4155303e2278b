import type { TaskSummary } from '../../../monitor/queries/history-columns.ts'
import { type Column, statusColour } from '../../output/table.ts'

/** How tasks are listed. */
export const TASK_COLUMNS: readonly Column<TaskSummary>[] = [
  { title: 'published', value: ({ publishedAt }) => publishedAt },
  { title: 'task', value: ({ name }) => name },
  {
    title: 'status',
    value: ({ status }) => status,
    colour: ({ status }) => statusColour(status),
    isWhole: true,
  },
  { title: 'finished', value: ({ finishedAt }) => finishedAt, isExtra: true },
  { title: 'queue', value: ({ queue }) => queue, isExtra: true },
  { title: 'retries', value: ({ retries }) => retries, align: 'right', isExtra: true },
  { title: 'id', value: ({ taskId }) => taskId, isWhole: true },
]
