import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What the record of a task needs once it is told of by more than its messages. Columns without a default: no rewrite, no wait. */
export class ExtendTask1795400030000 implements MigrationInterface {
  readonly name = 'ExtendTask1795400030000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(COLUMNS)
    await runner.query(STATE_CLASS)
    await runner.query(IS_FURTHER)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION monitor.is_further(text, timestamptz, text, timestamptz);
      DROP FUNCTION monitor.state_class(text);
      ALTER TABLE monitor.task
        DROP COLUMN state_at, DROP COLUMN follow_ups, DROP COLUMN replay_of, DROP COLUMN lost;
    `)
  }
}

/**
 * state_at: when the state was reached, by the clock of who said so; NULL where a message alone tells it.
 * follow_ups: the steps its message carries, the rest of a chain, callbacks, errbacks, the body of a chord.
 * replay_of: the task whose recorded message was published again as this one.
 * lost: what shows that it vanished, and what was done about it.
 */
const COLUMNS = `
  ALTER TABLE monitor.task
    ADD COLUMN IF NOT EXISTS state_at   timestamptz,
    ADD COLUMN IF NOT EXISTS follow_ups jsonb,
    ADD COLUMN IF NOT EXISTS replay_of  text,
    ADD COLUMN IF NOT EXISTS lost       jsonb;
`

/** 0: published only. 1: under way, or lost sight of (LOST is a guess that any sign of life corrects). 2: over. */
const STATE_CLASS = `
  CREATE OR REPLACE FUNCTION monitor.state_class(state text) RETURNS integer
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
      WHEN state IS NULL OR state = 'PENDING' THEN 0
      WHEN state IN ('SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'IGNORED') THEN 2
      ELSE 1
    END
  $$`

/**
 * Whether what was said of a task goes further than what is known: first the class, then the time, then anything that is
 * the same in whatever order both arrive. What a message tells has no time (NULL), and yields to all that has one.
 */
const IS_FURTHER = `
  CREATE OR REPLACE FUNCTION monitor.is_further(state text, state_at timestamptz, known text, known_at timestamptz)
  RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (monitor.state_class(state), coalesce(state_at, '-infinity'), monitor.state_rank(state), state COLLATE "C")
      > (monitor.state_class(known), coalesce(known_at, '-infinity'), monitor.state_rank(known), known COLLATE "C")
  $$`
