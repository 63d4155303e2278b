import { EntitySchema } from './schema/entity-schema.ts'

/** One time that a recorded message was published again. */
export interface ReplayRow {
  readonly taskId: string
  /** 1 for the first replay of the task. */
  readonly turn: number
  readonly newId: string
  readonly requestedAt: Date
  readonly publishedAt: Date | null
}

export const ReplayEntity = new EntitySchema<ReplayRow>({
  name: 'MonitorReplay',
  schema: 'monitor',
  tableName: 'replay',
  columns: {
    taskId: {
      name: 'task_id',
      type: 'text',
      primary: true,
      primaryKeyConstraintName: 'replay_pkey',
    },
    turn: { name: 'turn', type: 'integer', primary: true, primaryKeyConstraintName: 'replay_pkey' },
    newId: { name: 'new_id', type: 'text' },
    requestedAt: { name: 'requested_at', type: 'timestamptz', default: () => 'now()' },
    publishedAt: { name: 'published_at', type: 'timestamptz', nullable: true },
  },
  uniques: [{ name: 'replay_new_id_key', columns: ['newId'] }],
})
