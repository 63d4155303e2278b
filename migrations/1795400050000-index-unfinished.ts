import type { MigrationInterface, QueryRunner } from 'typeorm'
import { createIndexes, type NewIndex } from './concurrent-indexes.ts'

/** What is under way is found without looking at what is over, and so is what ended without a result. */
export class IndexUnfinished1795400050000 implements MigrationInterface {
  readonly name = 'IndexUnfinished1795400050000'

  async up(runner: QueryRunner): Promise<void> {
    await createIndexes(runner, INDEXES)
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const { name } of INDEXES) await runner.query(`DROP INDEX IF EXISTS monitor.${name}`)
  }
}

/**
 * One index a question: all that is unfinished, page by page; what a queue holds, in the order in which it came; what a
 * worker has in hand; what is over and has no result yet. They hold few rows, however many tasks there have been.
 */
const INDEXES: readonly NewIndex[] = [
  {
    name: 'task_unfinished_idx',
    table: 'task',
    definition: '(task_id) WHERE monitor.state_class(state) < 2',
  },
  {
    name: 'task_waiting_idx',
    table: 'task',
    definition: '(queue, published_at) WHERE monitor.state_class(state) < 2',
  },
  {
    name: 'task_running_idx',
    table: 'task',
    definition: '(worker) WHERE monitor.state_class(state) = 1',
  },
  {
    name: 'task_resultless_idx',
    table: 'task',
    definition: `(state_at) WHERE monitor.state_class(state) = 2 AND result IS NULL AND lost IS NULL
      AND (options @> '{"ignore_result": true}') IS NOT TRUE`,
  },
]
