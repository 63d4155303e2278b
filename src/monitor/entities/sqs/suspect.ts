import { EntitySchema } from '../schema/entity-schema.ts'

/** A message that was delivered again because its worker died, and has begun again. */
export interface SuspectRow {
  readonly taskId: string
  readonly retries: number
  readonly begun: number
  readonly begunAt: Date
}

export const SuspectEntity = new EntitySchema<SuspectRow>({
  name: 'MonitorSuspect',
  schema: 'monitor',
  tableName: 'suspect',
  columns: {
    taskId: {
      name: 'task_id',
      type: 'text',
      primary: true,
      primaryKeyConstraintName: 'suspect_pkey',
    },
    retries: {
      name: 'retries',
      type: 'integer',
      primary: true,
      primaryKeyConstraintName: 'suspect_pkey',
    },
    begun: { name: 'begun', type: 'integer' },
    begunAt: { name: 'begun_at', type: 'timestamptz', default: () => 'clock_timestamp()' },
  },
  indices: [{ name: 'suspect_begun_at_idx', columns: ['begunAt'] }],
})
