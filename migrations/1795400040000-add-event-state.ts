import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What the events of a task tell is merged apart from what else is known of it. Columns without a default: no rewrite, no wait. */
export class AddEventState1795400040000 implements MigrationInterface {
  readonly name = 'AddEventState1795400040000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(COLUMNS)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE monitor.task DROP COLUMN event_state, DROP COLUMN event_at')
  }
}

/**
 * The furthest state that an event told, and when that was: worker and runtime_ms are of that event. `state` may be
 * further still, by a stored result.
 */
const COLUMNS = `
  ALTER TABLE monitor.task
    ADD COLUMN IF NOT EXISTS event_state text,
    ADD COLUMN IF NOT EXISTS event_at    timestamptz;
`
