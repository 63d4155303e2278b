import { EntitySchema } from './schema/entity-schema.ts'

/** One message that waits for its eta in the vault. */
export interface ScheduledRow {
  readonly taskId: string
  readonly name: string | null
  readonly dueAt: Date
  /** When it is published: when it is due, or later once the broker did not take it. */
  readonly nextAt: Date
  readonly exchange: string
  readonly routingKey: string
  readonly properties: unknown
  readonly headers: unknown
  readonly body: Buffer
  readonly heldAt: Date
  /** When the monitor made a row of monitor.task of it. */
  readonly recordedAt: Date | null
  /** Why the broker did not take it when it was tried last, and when that was. */
  readonly problem: string | null
  readonly refusedAt: Date | null
}

export const ScheduledEntity = new EntitySchema<ScheduledRow>({
  name: 'MonitorScheduled',
  schema: 'monitor',
  tableName: 'scheduled',
  columns: {
    taskId: {
      name: 'task_id',
      type: 'text',
      primary: true,
      primaryKeyConstraintName: 'scheduled_pkey',
    },
    name: { name: 'name', type: 'text', nullable: true },
    dueAt: { name: 'due_at', type: 'timestamptz' },
    nextAt: { name: 'next_at', type: 'timestamptz' },
    exchange: { name: 'exchange', type: 'text' },
    routingKey: { name: 'routing_key', type: 'text' },
    properties: { name: 'properties', type: 'json' },
    headers: { name: 'headers', type: 'json' },
    body: { name: 'body', type: 'bytea' },
    heldAt: { name: 'held_at', type: 'timestamptz', default: () => 'now()' },
    recordedAt: { name: 'recorded_at', type: 'timestamptz', nullable: true },
    problem: { name: 'problem', type: 'text', nullable: true },
    refusedAt: { name: 'refused_at', type: 'timestamptz', nullable: true },
  },
  indices: [
    { name: 'scheduled_next_at_idx', columns: ['nextAt'] },
    { name: 'scheduled_unrecorded_idx', columns: ['heldAt'], where: 'recorded_at IS NULL' },
  ],
})
