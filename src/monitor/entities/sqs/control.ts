import { EntitySchema } from '../schema/entity-schema.ts'
import { exactNumber } from '../schema/exact-number.ts'

/** A command of remote control, or an answer, where the broker has no mailboxes. */
export interface ControlRow {
  readonly id: number
  /** The prefix of the queues, so that workers of others hear nothing of it. */
  readonly space: string
  readonly exchange: string
  readonly routingKey: string
  readonly properties: unknown
  readonly headers: unknown
  readonly body: Buffer
  /** A revoke, which holds for workers that start later, too. */
  readonly isKept: boolean
  readonly sentAt: Date
  readonly expiresAt: Date
}

export const ControlEntity = new EntitySchema<ControlRow>({
  name: 'MonitorControl',
  schema: 'monitor',
  tableName: 'control',
  columns: {
    id: {
      name: 'id',
      type: 'bigint',
      transformer: exactNumber,
      primary: true,
      primaryKeyConstraintName: 'control_pkey',
      // TypeORM knows it, its types of an EntitySchema do not.
      generated: 'identity' as 'increment',
    },
    space: { name: 'space', type: 'text' },
    exchange: { name: 'exchange', type: 'text' },
    routingKey: { name: 'routing_key', type: 'text' },
    properties: { name: 'properties', type: 'jsonb' },
    headers: { name: 'headers', type: 'jsonb' },
    body: { name: 'body', type: 'bytea' },
    isKept: { name: 'is_kept', type: 'boolean' },
    sentAt: { name: 'sent_at', type: 'timestamptz', default: () => 'clock_timestamp()' },
    expiresAt: { name: 'expires_at', type: 'timestamptz' },
  },
  indices: [
    { name: 'control_expires_at_idx', columns: ['expiresAt'] },
    { name: 'control_kept_idx', columns: ['space', 'exchange', 'id'], where: 'is_kept' },
  ],
})
