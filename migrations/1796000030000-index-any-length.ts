import type { MigrationInterface, QueryRunner } from 'typeorm'
import { createIndexes, type NewIndex } from './concurrent-indexes.ts'

/**
 * No row is refused for the length of its name, owner or root: a btree takes 2,704 bytes of a key, so names and owners are
 * found by how they begin, and what is only asked for as a whole by its hash.
 */
export class IndexAnyLength1796000030000 implements MigrationInterface {
  readonly name = 'IndexAnyLength1796000030000'

  async up(runner: QueryRunner): Promise<void> {
    await createIndexes(runner, INDEXES)
    await drop(runner, BEFORE)
  }

  /** Fails where there are rows by now that the old indexes do not take. */
  async down(runner: QueryRunner): Promise<void> {
    await createIndexes(runner, BEFORE)
    await drop(runner, INDEXES)
  }
}

async function drop(runner: QueryRunner, indexes: readonly NewIndex[]): Promise<void> {
  for (const { name } of indexes) await runner.query(`DROP INDEX IF EXISTS monitor.${name}`)
}

const INDEXES: readonly NewIndex[] = [
  { name: 'task_root_idx', table: 'task', definition: 'USING hash (root_id)' },
  {
    name: 'task_name_idx',
    table: 'task',
    definition: '(left(name, 200), published_at DESC)',
  },
  {
    name: 'task_creator_idx',
    table: 'task',
    definition: '(left(creator_id, 200), published_at DESC) WHERE creator_id IS NOT NULL',
  },
  {
    name: 'task_related_to_idx',
    table: 'task',
    definition: 'USING hash (related_id) WHERE related_id IS NOT NULL',
  },
]

const BEFORE: readonly NewIndex[] = [
  { name: 'task_root_id_idx', table: 'task', definition: '(root_id)' },
  {
    name: 'task_name_published_at_idx',
    table: 'task',
    definition: '(name, published_at DESC)',
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
