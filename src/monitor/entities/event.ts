import { EntitySchema } from './schema/entity-schema.ts'
import { exactNumber } from './schema/exact-number.ts'

/** One event, as its sender sent it. */
export interface EventRow {
  readonly id: number
  /** "2026-01-31": the partition it is in. */
  readonly day: string
  readonly receivedAt: Date
  /** By the clock of its sender. */
  readonly happenedAt: Date
  /** 'task-received', 'worker-online', … */
  readonly type: string
  readonly hostname: string | null
  /** The sender's logical clock. */
  readonly clock: number | null
  readonly taskId: string | null
  readonly fields: unknown
  /** A hash of the whole event, by which a copy delivered again is recognised. */
  readonly digest: Buffer
}

export const EventEntity = new EntitySchema<EventRow>({
  name: 'MonitorEvent',
  schema: 'monitor',
  tableName: 'event',
  columns: {
    id: {
      name: 'id',
      type: 'bigint',
      transformer: exactNumber,
      primary: true,
      primaryKeyConstraintName: 'event_pkey',
      // TypeORM knows it, its types of an EntitySchema do not.
      generated: 'identity' as 'increment',
    },
    day: { name: 'day', type: 'date', primary: true, primaryKeyConstraintName: 'event_pkey' },
    receivedAt: { name: 'received_at', type: 'timestamptz', default: () => 'now()' },
    happenedAt: { name: 'happened_at', type: 'timestamptz' },
    type: { name: 'type', type: 'text' },
    hostname: { name: 'hostname', type: 'text', nullable: true },
    clock: { name: 'clock', type: 'bigint', transformer: exactNumber, nullable: true },
    taskId: { name: 'task_id', type: 'text', nullable: true },
    fields: { name: 'fields', type: 'jsonb' },
    digest: { name: 'digest', type: 'bytea' },
  },
  indices: [{ name: 'event_task_id_idx', columns: ['taskId'] }],
  uniques: [{ name: 'event_day_digest_key', columns: ['day', 'digest'] }],
})
