import type { DatabaseOptions } from '../../options/open-database.ts'

/** What every command of `tasks` takes. */
export interface TasksOptions extends DatabaseOptions {
  readonly json?: boolean
}
