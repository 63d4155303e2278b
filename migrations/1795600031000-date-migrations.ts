import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Where an application's DataSource notes our migrations in our table, it made that as TypeORM does: without a time. */
export class DateMigrations1795600031000 implements MigrationInterface {
  readonly name = 'DateMigrations1795600031000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE IF EXISTS public.celery_toolbox_migrations
        ADD COLUMN IF NOT EXISTS applied_at timestamptz NOT NULL DEFAULT now()`)
  }

  async down(): Promise<void> {
    // Migrations that stay are dated still.
  }
}
