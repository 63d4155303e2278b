import type { MigrationInterface, QueryRunner } from 'typeorm'
import { createIndexes, type NewIndex } from './concurrent-indexes.ts'

/** What people ask for most is found at once among millions of tasks. */
export class IndexTask1795400061000 implements MigrationInterface {
  readonly name = 'IndexTask1795400061000'

  async up(runner: QueryRunner): Promise<void> {
    await createIndexes(runner, INDEXES)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { name } of INDEXES) await runner.query(`DROP INDEX IF EXISTS monitor.${name}`)
  }
}

/**
 * By argument, whichever it is and however deep; what is not over; what ended badly; whom it is for. Each costs every task that is
 * recorded a little, so there is none for what can be found by walking back from the latest task, as families are.
 */
const INDEXES: readonly NewIndex[] = [
  {
    name: 'task_arguments_idx',
    table: 'task',
    definition: 'USING gin (kwargs jsonb_path_ops, args jsonb_path_ops)',
  },
  {
    name: 'task_open_idx',
    table: 'task',
    definition: '(published_at) WHERE finished_at IS NULL',
  },
  {
    name: 'task_failed_idx',
    table: 'task',
    definition: `(state, finished_at DESC) WHERE state IN ('FAILURE', 'REVOKED', 'REJECTED', 'IGNORED')`,
  },
  {
    name: 'task_creator_id_idx',
    table: 'task',
    definition: '(creator_id, published_at DESC) WHERE creator_id IS NOT NULL',
  },
  {
    name: 'task_related_idx',
    table: 'task',
    definition: '(related_type, related_id, published_at DESC) WHERE related_id IS NOT NULL',
  },
]
