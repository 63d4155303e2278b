import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What workers say of themselves when they are asked is kept, and of each task which first call was published. */
export class AskWorkers1797000020000 implements MigrationInterface {
  readonly name = 'AskWorkers1797000020000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(COLUMNS)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE monitor.task DROP COLUMN first_call;
      ALTER TABLE monitor.worker_process DROP COLUMN queues, DROP COLUMN pool`)
  }
}

/**
 * queues: from which the process takes tasks, as it answered last; NULL: it never answered. pool: how a Python worker runs
 * its tasks (prefork, solo, …). first_call: a hash of name and arguments of the call that was no retry; of several the least.
 * No default: no rewrite.
 */
const COLUMNS = `
  ALTER TABLE monitor.worker_process ADD COLUMN IF NOT EXISTS queues text[], ADD COLUMN IF NOT EXISTS pool text;
  ALTER TABLE monitor.task ADD COLUMN IF NOT EXISTS first_call text`
