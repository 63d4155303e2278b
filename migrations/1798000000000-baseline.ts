import { readFileSync } from 'node:fs'
import type { Migration, MigrationRunner } from './migration.ts'

/**
 * All tables, functions and views, in the order in which they need each other. Each file can run again: tables that are
 * there stay, functions and views are replaced.
 */
const FILES = [
  'functions/states',
  'tables/celery-results',
  'tables/chord',
  'tables/task',
  'tables/message',
  'tables/event',
  'tables/worker',
  'tables/queue',
  'tables/quarantine',
  'tables/redaction',
  'tables/replay',
  'tables/scheduled',
  'tables/lease',
  'tables/control',
  'tables/suspect',
  'tables/claim',
  'tables/result-mark',
  'tables/flows',
  'functions/partitions',
  'functions/pickle-values',
  'functions/read-pickle',
  'functions/read-json',
  'functions/results',
  'functions/reasons',
  'functions/search',
  'functions/redaction',
  'functions/grants',
  'views/task-history',
  'views/task-family',
]

/** The schema of the first release. Later changes are migrations of their own; this one is never edited after a release. */
export class Baseline1798000000000 implements Migration {
  readonly name = 'Baseline1798000000000'

  async up(runner: MigrationRunner): Promise<void> {
    // Also where it runs without `migrate`, which has a lock of its own: TypeORM runs the same class.
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await refuseEarlierTables(runner)
    await runner.query('CREATE SCHEMA IF NOT EXISTS monitor; CREATE SCHEMA IF NOT EXISTS flows')
    for (const file of FILES) await runner.query(sqlOf(file))
    await runner.query(PARTITIONS)
    await runner.query(BOOKKEEPING)
  }

  async down(runner: MigrationRunner): Promise<void> {
    await runner.query(DOWN)
  }
}

/** The database is of a version before the first release; the message says what to do. */
export class EarlierTablesError extends Error {}

function sqlOf(file: string): string {
  return readFileSync(new URL(`./sql/${file}.sql`, import.meta.url), 'utf8')
}

/**
 * Before the first release there were 38 migrations. Tables of the last of them are the same as these; earlier ones lack
 * columns, which no file here adds.
 */
async function refuseEarlierTables(runner: MigrationRunner): Promise<void> {
  const [found] = await runner.query<{ isEarlier: boolean }[]>(IS_EARLIER)
  if (found?.isEarlier !== true) return
  throw new EarlierTablesError(
    'this database holds tables of a celery-toolbox from before its first release, which cannot be brought up to date: ' +
      'run "DROP SCHEMA monitor CASCADE; DROP SCHEMA IF EXISTS flows CASCADE" in it, which deletes the recorded history ' +
      '(results in celery_taskmeta stay), or give the monitor a new database; then run "celery-toolbox migrate up" again',
  )
}

/** The last table and the last column that came before the baseline. */
const IS_EARLIER = `
  SELECT to_regclass('monitor.task') IS NOT NULL AND (
    to_regclass('flows.job') IS NULL
    OR NOT EXISTS (SELECT FROM pg_attribute
      WHERE attrelid = to_regclass('monitor.task') AND attname = 'first_call')) AS "isEarlier"`

const PARTITIONS = `
  SELECT monitor.ensure_partitions('message', 7), monitor.ensure_partitions('event', 7)`

/** An application's DataSource that notes our migrations in our table made it as TypeORM does: without a time. */
const BOOKKEEPING = `
  ALTER TABLE IF EXISTS public.celery_toolbox_migrations
    ADD COLUMN IF NOT EXISTS applied_at timestamptz NOT NULL DEFAULT now()`

/** Celery's tables are Python's too, which may be writing results to them: only empty ones go. */
const DOWN = `
  DROP SCHEMA IF EXISTS flows CASCADE;
  DROP SCHEMA IF EXISTS monitor CASCADE;
  DROP TABLE IF EXISTS public.celery_toolbox_chord_member;
  DROP TABLE IF EXISTS public.celery_toolbox_chord;
  DO $$
  BEGIN
    IF NOT EXISTS (SELECT FROM public.celery_taskmeta) THEN
      DROP TABLE public.celery_taskmeta;
      DROP SEQUENCE IF EXISTS public.task_id_sequence;
    END IF;
    IF NOT EXISTS (SELECT FROM public.celery_tasksetmeta) THEN
      DROP TABLE public.celery_tasksetmeta;
      DROP SEQUENCE IF EXISTS public.taskset_id_sequence;
    END IF;
  END $$`
