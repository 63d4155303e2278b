/** The part of TypeORM's QueryRunner that our migrations use: they run under TypeORM, and without it. */
export interface MigrationRunner {
  readonly isTransactionActive: boolean
  query<Rows = unknown>(sql: string, parameters?: unknown[]): Promise<Rows>
  startTransaction(): Promise<void>
  commitTransaction(): Promise<void>
}

/** One step of the schema, also fit for the `migrations` of a DataSource of TypeORM. */
export interface Migration {
  /** Ends in 13 digits, by which TypeORM puts migrations in order. */
  readonly name: string
  up(runner: MigrationRunner): Promise<void>
  down(runner: MigrationRunner): Promise<void>
}
