import { EntitySchema } from './schema/entity-schema.ts'
import { exactNumber } from './schema/exact-number.ts'

/** A message that could not be read, whole, with the reason. */
export interface QuarantineRow {
  readonly id: number
  readonly receivedAt: Date
  readonly queue: string | null
  readonly exchange: string | null
  readonly routingKey: string | null
  readonly properties: unknown
  readonly headers: unknown
  readonly body: Buffer
  /** The code of the error, as docs/errors.md explains it. */
  readonly code: string
  readonly reason: string
  readonly taskId: string | null
  readonly digest: Buffer | null
  readonly resolvedAt: Date | null
  /** What of it is not as it was sent: `redacted` values, a `dropped` body. */
  readonly altered: unknown
}

export const QuarantineEntity = new EntitySchema<QuarantineRow>({
  name: 'MonitorQuarantine',
  schema: 'monitor',
  tableName: 'quarantine',
  columns: {
    id: {
      name: 'id',
      type: 'bigint',
      transformer: exactNumber,
      primary: true,
      primaryKeyConstraintName: 'quarantine_pkey',
      // TypeORM knows it, its types of an EntitySchema do not.
      generated: 'identity' as 'increment',
    },
    receivedAt: { name: 'received_at', type: 'timestamptz', default: () => 'now()' },
    queue: { name: 'queue', type: 'text', nullable: true },
    exchange: { name: 'exchange', type: 'text', nullable: true },
    routingKey: { name: 'routing_key', type: 'text', nullable: true },
    properties: { name: 'properties', type: 'jsonb', nullable: true },
    headers: { name: 'headers', type: 'jsonb', nullable: true },
    body: { name: 'body', type: 'bytea' },
    code: { name: 'code', type: 'text' },
    reason: { name: 'reason', type: 'text' },
    taskId: { name: 'task_id', type: 'text', nullable: true },
    digest: { name: 'digest', type: 'bytea', nullable: true },
    resolvedAt: { name: 'resolved_at', type: 'timestamptz', nullable: true },
    altered: { name: 'altered', type: 'jsonb', nullable: true },
  },
  uniques: [{ name: 'quarantine_digest_key', columns: ['digest'] }],
})
