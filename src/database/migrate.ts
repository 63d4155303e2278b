import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm'
import { EarlierTablesError } from '../../migrations/1798000000000-baseline.ts'
import { migrations } from '../../migrations/index.ts'
import { sleep } from '../async/sleep.ts'
import { DatabaseError } from '../errors.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { asDatabaseError } from './connection-loss.ts'
import type { Database } from './database.ts'
import { openDatabase } from './open-database.ts'
import { MIGRATIONS_TABLE, typeormSource } from './typeorm-source.ts'

export interface MigrateOptions {
  readonly logger?: Logger
  /** Called before each step. */
  readonly onProgress?: (step: MigrationStep) => void
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
  return await withSource(database, options, async (source) => {
    const ran = await source.runMigrations()
    return ran.map(({ name }) => name)
  })
}

/** Undoes the last migrations, and gives their names. */
export async function migrateDown(
  database: Database | string,
  options: MigrateOptions & { readonly steps?: number } = {},
): Promise<string[]> {
  return await withSource(database, options, async (source) => {
    const done = (await appliedSteps(source)).slice(0, options.steps ?? 1)
    for (const _ of done) await source.undoLastMigration()
    return done
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
  return stepNames().map((name) => ({ name, appliedAt: applied.get(name) ?? null }))
}

/** TypeORM's own table has no time; with this column, made before TypeORM looks, each row notes its own. */
const BOOKKEEPING = `
  CREATE TABLE IF NOT EXISTS ${MIGRATIONS_TABLE} (
    id         serial PRIMARY KEY,
    timestamp  bigint NOT NULL,
    name       character varying NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
  )`

/** Any other number than the migrations' own lock, which is taken inside, on another connection. */
const LOCK = `hashtext('celery-toolbox migrate')`
const LOCK_POLL_MS = 50

async function withSource<Result>(
  database: Database | string,
  options: MigrateOptions,
  work: (source: DataSource) => Promise<Result>,
): Promise<Result> {
  const url = typeof database === 'string' ? database : database.url
  const source = await typeormSource(url, { migrations: announced(options), poolSize: 2 })
  try {
    await source.initialize()
    return await locked(source, options.logger ?? silentLogger, () => work(source))
  } catch (error) {
    if (error instanceof EarlierTablesError) throw tooOld(safeUrl(url), error)
    throw asDatabaseError(error, safeUrl(url))
  } finally {
    if (source.isInitialized) await source.destroy()
  }
}

function tooOld(at: string, cause: EarlierTablesError): DatabaseError {
  return new DatabaseError('DATABASE_TOO_OLD', `${at}: ${cause.message}`, { cause })
}

/** The lock belongs to the session, so a process that dies lets go of it. */
async function locked<Result>(
  source: DataSource,
  logger: Logger,
  work: () => Promise<Result>,
): Promise<Result> {
  const runner = source.createQueryRunner()
  try {
    if (!(await isLocked(runner))) {
      logger.info('another process migrates this database, waiting for it')
      // Not in a statement: indexes that are made while others write wait for the end of all that run.
      while (!(await isLocked(runner))) await sleep(LOCK_POLL_MS)
    }
    await runner.query(BOOKKEEPING)
    return await work()
  } finally {
    await unlock(runner)
  }
}

async function isLocked(runner: QueryRunner): Promise<boolean> {
  const [row]: { taken: boolean }[] = await runner.query(
    `SELECT pg_try_advisory_lock(${LOCK}) AS taken`,
  )
  return row?.taken === true
}

async function unlock(runner: QueryRunner): Promise<void> {
  try {
    await runner.query(`SELECT pg_advisory_unlock(${LOCK})`)
  } catch {
    // The connection is gone, and the lock with it; the error that ended it is on its way.
  }
  await runner.release()
}

type MigrationClass = new () => MigrationInterface

/** The migrations, each reporting that it starts; under the same names, by which TypeORM knows them. */
function announced({ logger = silentLogger, onProgress }: MigrateOptions): MigrationClass[] {
  const announce = (name: string, direction: MigrationStep['direction']) => {
    logger.info({ migration: name, direction }, 'migrating')
    onProgress?.({ name, direction })
  }
  return migrations.map((Migration) => {
    return class implements MigrationInterface {
      readonly #step = new Migration()
      readonly name = this.#step.name

      async up(runner: QueryRunner): Promise<void> {
        announce(this.name, 'up')
        await this.#step.up(runner)
      }

      async down(runner: QueryRunner): Promise<void> {
        announce(this.name, 'down')
        await this.#step.down(runner)
      }
    }
  })
}

/** Ours alone: an application may note migrations of its own there, and one from before the baseline cannot be undone. */
async function appliedSteps(source: DataSource): Promise<string[]> {
  const rows: { name: string }[] = await source.query(
    `SELECT name FROM ${MIGRATIONS_TABLE} WHERE name = ANY ($1) ORDER BY timestamp DESC, id DESC`,
    [stepNames()],
  )
  return rows.map(({ name }) => name)
}

function stepNames(): string[] {
  return migrations.map((Migration) => new Migration().name)
}
