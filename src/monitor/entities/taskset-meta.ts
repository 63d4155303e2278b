import { EntitySchema } from './schema/entity-schema.ts'

/** Celery's own row for a saved group. */
export interface TasksetMetaRow {
  /** From taskset_id_sequence; the column has no default. */
  readonly id: number
  readonly tasksetId: string | null
  /** A pickle of Python's own result classes, or from Celery 5.7 on the text of the result serializer. */
  readonly result: Buffer | null
  /** UTC, in a column without a zone. */
  readonly dateDone: Date | null
}

export const TasksetMetaEntity = new EntitySchema<TasksetMetaRow>({
  name: 'MonitorTasksetMeta',
  schema: 'public',
  tableName: 'celery_tasksetmeta',
  columns: {
    id: {
      name: 'id',
      type: 'integer',
      primary: true,
      primaryKeyConstraintName: 'celery_tasksetmeta_pkey',
    },
    tasksetId: { name: 'taskset_id', type: 'varchar', length: 155, nullable: true },
    result: { name: 'result', type: 'bytea', nullable: true },
    dateDone: { name: 'date_done', type: 'timestamp', nullable: true },
  },
  indices: [{ name: 'ix_celery_tasksetmeta_date_done', columns: ['dateDone'] }],
  uniques: [{ name: 'celery_tasksetmeta_taskset_id_key', columns: ['tasksetId'] }],
})
