import { inspect } from 'node:util'
import type { DataSource, DataSourceOptions, Logger } from 'typeorm'
import { migrations } from '../../migrations/index.ts'
import { safeUrl } from '../safe-url.ts'
import { connectionOptions } from './connection-options.ts'
import { loadTypeorm } from './load-typeorm.ts'
import { MIGRATIONS_TABLE } from './migrations-table.ts'
import { typeParsers } from './sql-values.ts'

type Classes = NonNullable<DataSourceOptions['migrations']>
type Entities = NonNullable<DataSourceOptions['entities']>

interface TypeormSourceOptions {
  readonly entities?: Entities
  readonly migrations?: Classes
  readonly poolSize?: number
}

/** A TypeORM DataSource, not yet initialized, that reads the url and its values as openDatabase does. */
export async function typeormSource(
  url: string,
  options: TypeormSourceOptions = {},
): Promise<DataSource> {
  // Loaded here, so that an app which records nothing loads no TypeORM.
  const typeorm = loadTypeorm()
  const pg = await import('pg')
  const source = new typeorm.DataSource({
    type: 'postgres',
    entities: options.entities ?? [],
    migrations: options.migrations ?? [...migrations],
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    // We need none, and a role that may migrate need not be one that may install.
    installExtensions: false,
    poolSize: options.poolSize ?? 10,
    logger: silent,
    extra: { ...connectionOptions(url), types: typeParsers(pg.types) },
  })
  // TypeORM keeps the password where an object that is logged shows it.
  const shown = () => `DataSource(${safeUrl(url)})`
  return Object.defineProperties(source, {
    toJSON: { value: shown },
    [inspect.custom]: { value: shown },
  })
}

/** TypeORM writes to the console by default, where a library has nothing to say; its errors are thrown all the same. */
const silent: Logger = {
  logQuery: nothing,
  logQueryError: nothing,
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
}

function nothing(): void {
  // See above.
}
