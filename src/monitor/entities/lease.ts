import { EntitySchema } from './schema/entity-schema.ts'

/** Which process holds what only one may do at a time. */
export interface LeaseRow {
  readonly name: string
  /** As text: PostgreSQL's bigint. */
  readonly epoch: string
  readonly holder: string
  readonly acquiredAt: Date
  readonly expiresAt: Date
}

export const LeaseEntity = new EntitySchema<LeaseRow>({
  name: 'MonitorLease',
  schema: 'monitor',
  tableName: 'lease',
  columns: {
    name: { name: 'name', type: 'text', primary: true, primaryKeyConstraintName: 'lease_pkey' },
    epoch: { name: 'epoch', type: 'bigint' },
    holder: { name: 'holder', type: 'text' },
    acquiredAt: { name: 'acquired_at', type: 'timestamptz' },
    expiresAt: { name: 'expires_at', type: 'timestamptz' },
  },
})
