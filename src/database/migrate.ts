import { EarlierTablesError } from '../../migrations/1798000000000-baseline.ts'
import { migrations } from '../../migrations/index.ts'
import type { Migration } from '../../migrations/migration.ts'
import { sleep } from '../async/sleep.ts'
import { DatabaseError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { asDatabaseError } from './connection-loss.ts'
import type { Database } from './database.ts'
import { MigrationConnection } from './migration-connection.ts'
import { MIGRATIONS_TABLE } from './migrations-table.ts'
import { openDatabase } from './open-database.ts'

export interface MigrateOptions {
  readonly logger?: Logger
  /** Called before each step. */
  readonly onProgress?: (step: MigrationStep) => void
  /** How long a statement may be without an answer before the server is asked after it. Default 10 s. */
  readonly silentMs?: number
}

export interface MigrationStep {
  readonly name: string
  readonly direction: 'up' | 'down'
}

export interface MigrationStatus {
  readonly name: string
  /** Null where it is still to run. */
  readonly appliedAt: Date | null
}

/** Runs the migrations that are missing, and gives their names. Two that start at once run one after the other. */
export async function migrateUp(
  database: Database | string,
  options: MigrateOptions = {},
): Promise<string[]> {
  return await onConnection(database, options, async (connection) => {
    const applied = new Set(await appliedNames(connection))
    const missing = steps().filter(({ name }) => !applied.has(name))
    return await runSteps(connection, missing, { ...options, direction: 'up' })
  })
}

/** Undoes the last migrations, and gives their names. */
export async function migrateDown(
  database: Database | string,
  options: MigrateOptions & { readonly steps?: number } = {},
): Promise<string[]> {
  return await onConnection(database, options, async (connection) => {
    const last = (await appliedNames(connection)).slice(0, options.steps ?? 1)
    const known = new Map(steps().map((step) => [step.name, step]))
    const undone = last.flatMap((name) => known.get(name) ?? [])
    return await runSteps(connection, undone, { ...options, direction: 'down' })
  })
}

/** Every migration in its order, with when it ran. */
export async function migrationStatus(database: Database | string): Promise<MigrationStatus[]> {
  if (typeof database !== 'string') return await statusIn(database)
  await using opened = await openDatabase({ url: database, poolSize: 1 })
  return await statusIn(opened)
}

/** Throws DATABASE_BEHIND, naming what is missing, unless every migration has run. */
export async function requireMigrations(database: Database): Promise<void> {
  const status = await migrationStatus(database)
  const missing = status.filter(({ appliedAt }) => appliedAt === null).map(({ name }) => name)
  if (missing.length === 0) return
  throw new DatabaseError(
    'DATABASE_BEHIND',
    `${database.safeUrl} lacks ${missing.length} of ${status.length} migrations (${missing.join(', ')}); ` +
      'run "celery-toolbox migrate up"',
  )
}

async function statusIn(database: Database): Promise<MigrationStatus[]> {
  const [table] = await database.query<{ found: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS found',
    [MIGRATIONS_TABLE],
  )
  const rows = table?.found
    ? await database.query<MigrationStatus>(
        `SELECT name, max(applied_at) AS "appliedAt" FROM ${MIGRATIONS_TABLE} GROUP BY name`,
      )
    : []
  const applied = new Map(rows.map(({ name, appliedAt }) => [name, appliedAt]))
  return steps().map(({ name }) => ({ name, appliedAt: applied.get(name) ?? null }))
}

/** TypeORM's own table has no time; with this column, made before TypeORM looks, each row notes its own. */
const BOOKKEEPING = `
  CREATE TABLE IF NOT EXISTS ${MIGRATIONS_TABLE} (
    id         serial PRIMARY KEY,
    timestamp  bigint NOT NULL,
    name       character varying NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`

/** Any other number than the migrations' own lock, which is taken inside. No lease: their table is made by migrations. */
const LOCK = `hashtext('celery-toolbox migrate')`
const LOCK_POLL_MS = 50

async function onConnection<Result>(
  database: Database | string,
  options: MigrateOptions,
  work: (connection: MigrationConnection) => Promise<Result>,
): Promise<Result> {
  const url = typeof database === 'string' ? database : database.url
  const { logger = silentLogger, silentMs } = options
  try {
    const connection = await MigrationConnection.open(url, { logger, silentMs })
    try {
      await lock(connection, logger)
      await connection.query(BOOKKEEPING)
      return await work(connection)
    } finally {
      // The lock belongs to the session, so it goes with it, as with that of a process that dies.
      await connection.close()
    }
  } catch (error) {
    if (error instanceof EarlierTablesError) throw tooOld(safeUrl(url), error)
    throw asDatabaseError(error, safeUrl(url))
  }
}

function tooOld(at: string, cause: EarlierTablesError): DatabaseError {
  return new DatabaseError('DATABASE_TOO_OLD', `${at}: ${cause.message}`, { cause })
}

async function lock(connection: MigrationConnection, logger: Logger): Promise<void> {
  if (await isLocked(connection)) return
  logger.info('another process migrates this database, waiting for it')
  // Not in a statement: indexes that are made while others write wait for the end of all that run.
  while (!(await isLocked(connection))) await sleep(LOCK_POLL_MS)
}

async function isLocked(connection: MigrationConnection): Promise<boolean> {
  const [row] = await connection.query<{ taken: boolean }[]>(
    `SELECT pg_try_advisory_lock(${LOCK}) AS taken`,
  )
  return row?.taken === true
}

/** Each in a transaction of its own, with the row that notes it. Gives their names. */
async function runSteps(
  connection: MigrationConnection,
  chosen: readonly Migration[],
  options: MigrateOptions & { readonly direction: MigrationStep['direction'] },
): Promise<string[]> {
  for (const step of chosen) {
    announce(step, options)
    await connection.inTransaction(async () => {
      await step[options.direction](connection)
      await note(connection, step, options.direction)
    })
  }
  return chosen.map(({ name }) => name)
}

async function note(
  connection: MigrationConnection,
  { name }: Migration,
  direction: MigrationStep['direction'],
): Promise<void> {
  if (direction === 'down') {
    await connection.query(`DELETE FROM ${MIGRATIONS_TABLE} WHERE name = $1`, [name])
    return
  }
  await connection.query(`INSERT INTO ${MIGRATIONS_TABLE} (timestamp, name) VALUES ($1, $2)`, [
    name.slice(-TIMESTAMP_DIGITS),
    name,
  ])
}

/** A migration's name ends in the milliseconds since 1970. */
const TIMESTAMP_DIGITS = 13

function announce(
  { name }: Migration,
  {
    direction,
    logger = silentLogger,
    onProgress,
  }: MigrateOptions & { readonly direction: MigrationStep['direction'] },
): void {
  logger.info({ migration: name, direction }, 'migrating')
  onProgress?.({ name, direction })
}

/** The last first. Ours alone: an application may note migrations of its own there, and one from before the baseline cannot be undone. */
async function appliedNames(connection: MigrationConnection): Promise<string[]> {
  const rows = await connection.query<{ name: string }[]>(
    `SELECT name FROM ${MIGRATIONS_TABLE} WHERE name = ANY ($1) ORDER BY timestamp DESC, id DESC`,
    [steps().map(({ name }) => name)],
  )
  return rows.map(({ name }) => name)
}

function steps(): Migration[] {
  return migrations.map((Step) => new Step())
}
