import { EntitySchema } from '../schema/entity-schema.ts'

/** The body of a message that is too large for its broker: the message brings the id. */
export interface ClaimRow {
  readonly id: string
  readonly body: Buffer
  readonly keptAt: Date
  readonly expiresAt: Date
}

export const ClaimEntity = new EntitySchema<ClaimRow>({
  name: 'MonitorClaim',
  schema: 'monitor',
  tableName: 'claim',
  columns: {
    id: { name: 'id', type: 'text', primary: true, primaryKeyConstraintName: 'claim_pkey' },
    body: { name: 'body', type: 'bytea' },
    keptAt: { name: 'kept_at', type: 'timestamptz', default: () => 'clock_timestamp()' },
    expiresAt: { name: 'expires_at', type: 'timestamptz' },
  },
  indices: [{ name: 'claim_expires_at_idx', columns: ['expiresAt'] }],
})
