import type { DatabaseOptions } from '../../options/open-database.ts'

/** What every command of `tasks` takes. */
export interface TasksOptions extends DatabaseOptions {
  readonly json?: boolean
}

export const DATABASE = ['--database <url>', 'the database, as postgresql://…'] as const
export const JSON_OUTPUT = ['--json', 'print JSON'] as const
