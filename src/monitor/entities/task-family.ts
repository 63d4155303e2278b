import { EntitySchema } from './schema/entity-schema.ts'

/** What became of all tasks of one root, `celery.chord_unlock` left out. */
export interface TaskFamilyRow {
  readonly rootId: string
  /** Of the root; null while its message is not recorded. */
  readonly name: string | null
  /** FAILURE where any failed; the one status where all agree; else STARTED. */
  readonly overallStatus: string
  /** The results of those tasks that were published with is_result, in the order in which they were published. */
  readonly overallResults: unknown
  readonly tasks: number
  /** How many tasks there are of each status: `{"SUCCESS": 3, "STARTED": 1}`. */
  readonly statuses: unknown
  /** Steps of chains and chords that are known, and not published yet. */
  readonly pendingSteps: number
  readonly publishedAt: Date | null
  readonly startedAt: Date | null
  /** Null unless it is over. */
  readonly finishedAt: Date | null
  /** From the first message to the end, or until now. */
  readonly span: unknown
  readonly creatorId: string | null
  readonly relatedType: string | null
  readonly relatedId: string | null
}

export const TaskFamilyEntity = new EntitySchema<TaskFamilyRow>({
  name: 'MonitorTaskFamily',
  type: 'view',
  schema: 'monitor',
  tableName: 'task_family',
  // The migrations own the view; TypeORM would keep its text in a table of TypeORM's own to compare it.
  synchronize: false,
  columns: {
    rootId: { name: 'root_id', type: 'text', primary: true },
    name: { name: 'name', type: 'text', nullable: true },
    overallStatus: { name: 'overall_status', type: 'text' },
    overallResults: { name: 'overall_results', type: 'jsonb' },
    tasks: { name: 'tasks', type: 'integer' },
    statuses: { name: 'statuses', type: 'jsonb' },
    pendingSteps: { name: 'pending_steps', type: 'integer' },
    publishedAt: { name: 'published_at', type: 'timestamptz', nullable: true },
    startedAt: { name: 'started_at', type: 'timestamptz', nullable: true },
    finishedAt: { name: 'finished_at', type: 'timestamptz', nullable: true },
    span: { name: 'span', type: 'interval', nullable: true },
    creatorId: { name: 'creator_id', type: 'text', nullable: true },
    relatedType: { name: 'related_type', type: 'text', nullable: true },
    relatedId: { name: 'related_id', type: 'text', nullable: true },
  },
})
