import { ConfigurationError } from '../../errors.ts'
import { stateFailed } from './file-state.ts'
import type { StateStore } from './state-store.ts'

/** A pool or client of pg, or the toolbox's own Database: typed by what is called. */
export interface StateDatabase {
  query(sql: string, values?: unknown[]): Promise<unknown>
}

/** State as jsonb in a table of its own, which is made where it is not there. */
export function postgresState(
  database: StateDatabase,
  { table = 'stream_state' }: { readonly table?: string } = {},
): StateStore {
  if (!/^[a-z_][\w]*(?:\.[a-z_][\w]*)?$/i.test(table)) {
    throw new ConfigurationError(
      `postgresState: the table is "${table}", expected name or schema.name`,
    )
  }
  const ask = async (sql: string, values: unknown[] = []): Promise<Row[]> => {
    try {
      return rowsOf(await database.query(sql, values))
    } catch (cause) {
      throw stateFailed(`the table ${table} cannot be used`, cause)
    }
  }
  let made: Promise<unknown> | undefined
  const make = async (): Promise<void> => {
    made ??= ask(
      `CREATE TABLE IF NOT EXISTS ${table} (key text PRIMARY KEY, state jsonb, saved_at timestamptz NOT NULL)`,
    )
    await made
  }
  return {
    load: async (key) => {
      await make()
      const [row] = await ask(`SELECT state FROM ${table} WHERE key = $1`, [key])
      return row?.state
    },
    save: async (key, state) => {
      await make()
      await ask(
        `INSERT INTO ${table} (key, state, saved_at) VALUES ($1, $2, now())
         ON CONFLICT (key) DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at`,
        [key, JSON.stringify(state)],
      )
    },
  }
}

interface Row {
  readonly state?: unknown
}

/** pg answers with an object, the toolbox's Database with the rows alone. */
function rowsOf(answer: unknown): Row[] {
  if (Array.isArray(answer)) return answer
  const isResult = typeof answer === 'object' && answer !== null && 'rows' in answer
  return isResult && Array.isArray(answer.rows) ? answer.rows : []
}
