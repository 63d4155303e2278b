import { EntitySchema } from './schema/entity-schema.ts'

/** One line of the setting REDACT, as the database applies it to results that it absorbs. */
export interface RedactionRow {
  readonly rule: string
  /** Regular expressions; null: of all tasks, in no text. */
  readonly path: string
  readonly task: string | null
  readonly shown: string | null
}

export const RedactionEntity = new EntitySchema<RedactionRow>({
  name: 'MonitorRedaction',
  schema: 'monitor',
  tableName: 'redaction',
  columns: {
    rule: {
      name: 'rule',
      type: 'text',
      primary: true,
      primaryKeyConstraintName: 'redaction_pkey',
    },
    path: { name: 'path', type: 'text' },
    task: { name: 'task', type: 'text', nullable: true },
    shown: { name: 'shown', type: 'text', nullable: true },
  },
})
