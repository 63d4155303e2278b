import { EntitySchema } from './schema/entity-schema.ts'
import { exactNumber } from './schema/exact-number.ts'

/** One mirrored publish, byte for byte. */
export interface MessageRow {
  readonly id: number
  /** "2026-01-31": the partition it is in. */
  readonly day: string
  readonly receivedAt: Date
  readonly taskId: string | null
  readonly exchange: string
  readonly routingKey: string
  readonly queue: string | null
  readonly properties: unknown
  readonly headers: unknown
  readonly body: Buffer
  /** A hash of the whole message, by which a copy delivered again is recognised. */
  readonly digest: Buffer
  /** What of it is not as it was sent: `redacted` values, a `dropped` body. */
  readonly altered: unknown
}

export const MessageEntity = new EntitySchema<MessageRow>({
  name: 'MonitorMessage',
  schema: 'monitor',
  tableName: 'message',
  columns: {
    id: {
      name: 'id',
      type: 'bigint',
      transformer: exactNumber,
      primary: true,
      primaryKeyConstraintName: 'message_pkey',
      // TypeORM knows it, its types of an EntitySchema do not.
      generated: 'identity' as 'increment',
    },
    day: { name: 'day', type: 'date', primary: true, primaryKeyConstraintName: 'message_pkey' },
    receivedAt: { name: 'received_at', type: 'timestamptz', default: () => 'now()' },
    taskId: { name: 'task_id', type: 'text', nullable: true },
    exchange: { name: 'exchange', type: 'text' },
    routingKey: { name: 'routing_key', type: 'text' },
    queue: { name: 'queue', type: 'text', nullable: true },
    properties: { name: 'properties', type: 'jsonb' },
    headers: { name: 'headers', type: 'jsonb' },
    body: { name: 'body', type: 'bytea' },
    digest: { name: 'digest', type: 'bytea' },
    altered: { name: 'altered', type: 'jsonb', nullable: true },
  },
  indices: [{ name: 'message_task_id_idx', columns: ['taskId'] }],
  uniques: [{ name: 'message_day_digest_key', columns: ['day', 'digest'] }],
})
