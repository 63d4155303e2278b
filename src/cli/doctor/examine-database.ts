import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { databaseUrl } from '../options/database-url.ts'
import { type DatabaseOptions, openDatabaseOf } from '../options/open-database.ts'
import { ANSWER_WITHIN_MS, databaseAdvice } from './advice.ts'
import { type Check, failed, noted, ok } from './check.ts'
import { workersCheck } from './examine-workers.ts'

const NEEDED = [
  ['monitor.task', 'SELECT, INSERT, UPDATE'],
  ['monitor.message', 'SELECT, INSERT'],
  ['monitor.quarantine', 'SELECT, INSERT'],
  ['monitor.task_history', 'SELECT'],
  ['public.celery_taskmeta', 'SELECT, INSERT, UPDATE, DELETE'],
] as const

/** The monitor's database: that it answers, is up to date, and lets us write. */
export async function* examineDatabase(
  config: Config,
  options: DatabaseOptions,
): AsyncGenerator<Check> {
  const opened = await openedDatabase(config, options)
  if ('state' in opened) {
    yield opened
    return
  }
  await using database = opened
  yield ok('database', database.safeUrl)
  const migrations = await migrationsCheck(database)
  yield migrations
  if (migrations.state !== 'ok') return
  const permissions = await permissionsCheck(database)
  yield permissions
  if (permissions.state === 'ok') yield await workersCheck(database)
}

async function openedDatabase(config: Config, options: DatabaseOptions): Promise<Database | Check> {
  const name = 'database'
  if (!hasDatabase(config, options)) {
    return noted(name, 'none is configured, which only the monitor needs', 'see --database')
  }
  try {
    return await openDatabaseOf(config, options, { connectTimeoutMs: ANSWER_WITHIN_MS })
  } catch (error) {
    return failed(name, error, databaseAdvice(error, databaseUrl(config, options.database)))
  }
}

function hasDatabase(config: Config, options: DatabaseOptions): boolean {
  try {
    databaseUrl(config, options.database)
    return true
  } catch {
    // Its message is for who asked for a database; the doctor notes that there is none.
    return options.database !== undefined
  }
}

async function migrationsCheck(database: Database): Promise<Check> {
  const { migrationStatus } = await import('../../database/migrate.ts')
  const name = 'migrations'
  try {
    const all = await migrationStatus(database)
    const missing = all.filter(({ appliedAt }) => appliedAt === null)
    if (missing.length === 0) return ok(name, `all ${all.length} ran`)
    const names = missing.map((migration) => migration.name).join(', ')
    return failed(
      name,
      `${missing.length} of ${all.length} are missing: ${names}`,
      'celery-toolbox migrate up',
    )
  } catch (error) {
    return failed(name, error, 'let this role read the schema public')
  }
}

async function permissionsCheck(database: Database): Promise<Check> {
  const missing: string[] = []
  for (const [table, privileges] of NEEDED) {
    for (const privilege of privileges.split(', ')) {
      if (!(await may(database, table, privilege))) missing.push(`${privilege} on ${table}`)
    }
  }
  if (missing.length === 0) return ok('permissions', 'may read and write the tables')
  return failed(
    'permissions',
    `this role lacks ${missing.join(', ')}`,
    'grant them: GRANT … ON … TO the role in the database url, and USAGE ON SCHEMA monitor',
  )
}

async function may(database: Database, table: string, privilege: string): Promise<boolean> {
  const [schema] = table.split('.')
  const [row] = await database.query<{ may: boolean }>(
    'SELECT has_schema_privilege($1, $2) AND has_table_privilege($3, $4) AS may',
    [schema, 'USAGE', table, privilege],
  )
  return row?.may ?? false
}
