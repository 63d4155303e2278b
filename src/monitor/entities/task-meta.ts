import { EntitySchema } from './schema/entity-schema.ts'

/** Celery's own row for a result, as Python's database backend writes it. */
export interface TaskMetaRow {
  /** From task_id_sequence; the column has no default. */
  readonly id: number
  readonly taskId: string | null
  readonly status: string | null
  /** A pickle, or from Celery 5.7 on the text of the result serializer; null is None. */
  readonly result: Buffer | null
  /** UTC, in a column without a zone. */
  readonly dateDone: Date | null
  readonly traceback: string | null
  /** As args; written by Celery 5.7 and by us. */
  readonly children: Buffer | null
  readonly name: string | null
  /** UTF-8 text of the result serializer, no pickle. */
  readonly args: Buffer | null
  readonly kwargs: Buffer | null
  readonly worker: string | null
  readonly retries: number | null
  readonly queue: string | null
  /** As args; written by Celery 5.7. */
  readonly stamps: Buffer | null
}

export const TaskMetaEntity = new EntitySchema<TaskMetaRow>({
  name: 'MonitorTaskMeta',
  schema: 'public',
  tableName: 'celery_taskmeta',
  columns: {
    id: {
      name: 'id',
      type: 'integer',
      primary: true,
      primaryKeyConstraintName: 'celery_taskmeta_pkey',
    },
    taskId: { name: 'task_id', type: 'varchar', length: 155, nullable: true },
    status: { name: 'status', type: 'varchar', length: 50, nullable: true },
    result: { name: 'result', type: 'bytea', nullable: true },
    dateDone: { name: 'date_done', type: 'timestamp', nullable: true },
    traceback: { name: 'traceback', type: 'text', nullable: true },
    children: { name: 'children', type: 'bytea', nullable: true },
    name: { name: 'name', type: 'varchar', length: 155, nullable: true },
    args: { name: 'args', type: 'bytea', nullable: true },
    kwargs: { name: 'kwargs', type: 'bytea', nullable: true },
    worker: { name: 'worker', type: 'varchar', length: 155, nullable: true },
    retries: { name: 'retries', type: 'integer', nullable: true },
    queue: { name: 'queue', type: 'varchar', length: 155, nullable: true },
    stamps: { name: 'stamps', type: 'bytea', nullable: true },
  },
  indices: [{ name: 'ix_celery_taskmeta_date_done', columns: ['dateDone'] }],
  uniques: [{ name: 'celery_taskmeta_task_id_key', columns: ['taskId'] }],
})
