import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What of a kept message is not as it was sent: NULL where all of it is. A column without a default: no rewrite, no wait. */
export class AddAltered1795400070000 implements MigrationInterface {
  readonly name = 'AddAltered1795400070000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE monitor.message DROP COLUMN altered;
      ALTER TABLE monitor.quarantine DROP COLUMN altered;
    `)
  }
}

/** `{"redacted": ["kwargs.password"]}`: these values were replaced. `{"dropped": 70000}`: the body had so many bytes. */
const UP = `
  ALTER TABLE monitor.message ADD COLUMN IF NOT EXISTS altered jsonb;
  ALTER TABLE monitor.quarantine ADD COLUMN IF NOT EXISTS altered jsonb;
`
