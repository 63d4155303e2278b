import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What is under way is found without looking at what is over, and so is what ended without a result. */
export class IndexUnfinished1795400050000 implements MigrationInterface {
  readonly name = 'IndexUnfinished1795400050000'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SELECT pg_advisory_xact_lock(hashtext('celery-toolbox schema'))`)
    await runner.query(UP)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX monitor.task_resultless_idx;
      DROP INDEX monitor.task_waiting_idx;
      DROP INDEX monitor.task_unfinished_idx;
    `)
  }
}

/**
 * One index a question: all that is unfinished, page by page; what a queue holds, in the order in which it came; what is
 * over and has no result yet. They hold few rows, however many tasks there have been.
 */
const UP = `
  CREATE INDEX IF NOT EXISTS task_unfinished_idx ON monitor.task (task_id)
    WHERE monitor.state_class(state) < 2;
  CREATE INDEX IF NOT EXISTS task_waiting_idx ON monitor.task (queue, published_at)
    WHERE monitor.state_class(state) < 2;
  CREATE INDEX IF NOT EXISTS task_resultless_idx ON monitor.task (state_at)
    WHERE monitor.state_class(state) = 2 AND result IS NULL AND lost IS NULL
      AND (options @> '{"ignore_result": true}') IS NOT TRUE;
`
