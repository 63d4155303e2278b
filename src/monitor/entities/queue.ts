import { EntitySchema } from './schema/entity-schema.ts'

/** A work queue, as the last look at it found it. */
export interface QueueRow {
  readonly name: string
  readonly lookedAt: Date
  readonly messages: number
  /** Null where the broker does not count them. */
  readonly consumers: number | null
  /** In the hands of workers; null where the broker's management API was not asked. */
  readonly unacknowledged: number | null
  /** Since when each look found no more consumers than workers that are heard of. */
  readonly coveredSince: Date | null
  /** Since when no events of Python workers can be missing; null where none were missed. */
  readonly eventsFrom: Date | null
}

export const QueueEntity = new EntitySchema<QueueRow>({
  name: 'MonitorQueue',
  schema: 'monitor',
  tableName: 'queue',
  columns: {
    name: { name: 'name', type: 'text', primary: true, primaryKeyConstraintName: 'queue_pkey' },
    lookedAt: { name: 'looked_at', type: 'timestamptz' },
    messages: { name: 'messages', type: 'integer' },
    consumers: { name: 'consumers', type: 'integer', nullable: true },
    unacknowledged: { name: 'unacknowledged', type: 'integer', nullable: true },
    coveredSince: { name: 'covered_since', type: 'timestamptz', nullable: true },
    eventsFrom: { name: 'events_from', type: 'timestamptz', nullable: true },
  },
})
