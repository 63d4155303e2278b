import type { DataSource, ObjectLiteral, Repository } from 'typeorm'
import type { Connection } from '../../database/database.ts'
import {
  EventEntity,
  type EventRow,
  MessageEntity,
  type MessageRow,
  QuarantineEntity,
  type QuarantineRow,
  TaskEntity,
  TaskFamilyEntity,
  type TaskFamilyRow,
  TaskHistoryEntity,
  type TaskHistoryRow,
  type TaskRow,
  WorkerEntity,
  type WorkerRow,
} from '../entities/index.ts'
import { countByStatus, type StatusCount } from './count-by-status.ts'
import { type Family, type FamilyFilters, families, family } from './families.ts'
import { type FamilyTree, familyTree } from './family-tree.ts'
import type { TaskSummary } from './history-columns.ts'
import { listTasks, type TaskFilters } from './list-tasks.ts'
import { type Quarantined, quarantined } from './quarantined.ts'
import { type ShownTask, showTask } from './show-task.ts'
import { type StuckOptions, type StuckTask, stuckTasks } from './stuck-tasks.ts'
import { type StatsOptions, type TaskStats, taskStats } from './task-stats.ts'

/** The record through a TypeORM DataSource that knows our entities, be it the application's own. */
export class MonitorRepository {
  readonly #source: DataSource
  readonly #database: Connection

  constructor(source: DataSource) {
    this.#source = source
    this.#database = {
      query: async (sql, parameters) => await source.query(sql, parameters && [...parameters]),
    }
  }

  get taskRows(): Repository<TaskRow> {
    return this.#of(TaskEntity)
  }

  /** The view with each task's truthful status. */
  get history(): Repository<TaskHistoryRow> {
    return this.#of(TaskHistoryEntity)
  }

  get familyRows(): Repository<TaskFamilyRow> {
    return this.#of(TaskFamilyEntity)
  }

  get messages(): Repository<MessageRow> {
    return this.#of(MessageEntity)
  }

  get events(): Repository<EventRow> {
    return this.#of(EventEntity)
  }

  get workers(): Repository<WorkerRow> {
    return this.#of(WorkerEntity)
  }

  get quarantine(): Repository<QuarantineRow> {
    return this.#of(QuarantineEntity)
  }

  async tasks(filters: TaskFilters = {}): Promise<TaskSummary[]> {
    return await listTasks(this.#database, filters)
  }

  /** By its id or the beginning of it. */
  async task(id: string): Promise<ShownTask | undefined> {
    return await showTask(this.#database, id)
  }

  async failures(filters: Omit<TaskFilters, 'status'> = {}): Promise<TaskSummary[]> {
    return await listTasks(this.#database, { ...filters, status: 'FAILURE' })
  }

  /** Tasks called with this argument: "slug", "options.page", or a position, "0". */
  async byArgument(
    path: string,
    value: unknown,
    filters: Omit<TaskFilters, 'arguments'> = {},
  ): Promise<TaskSummary[]> {
    return await listTasks(this.#database, { ...filters, arguments: [{ path, value }] })
  }

  async stuck(options: StuckOptions = {}): Promise<StuckTask[]> {
    return await stuckTasks(this.#database, options)
  }

  /** The family of any of its members. */
  async family(taskId: string): Promise<Family | undefined> {
    return await family(this.#database, taskId)
  }

  async families(filters: FamilyFilters = {}): Promise<Family[]> {
    return await families(this.#database, filters)
  }

  async tree(id: string): Promise<FamilyTree | undefined> {
    return await familyTree(this.#database, id)
  }

  async stats(options: StatsOptions = {}): Promise<TaskStats[]> {
    return await taskStats(this.#database, options)
  }

  async countByStatus(options: { readonly since?: Date } = {}): Promise<StatusCount[]> {
    return await countByStatus(this.#database, options)
  }

  /** What could not be read and is not resolved. */
  async quarantined(limit?: number): Promise<Quarantined[]> {
    return await quarantined(this.#database, limit)
  }

  #of<Row extends ObjectLiteral>(entity: Parameters<DataSource['getRepository']>[0]) {
    // The entity's schema says which rows it holds.
    return this.#source.getRepository(entity) as Repository<Row>
  }
}

export function monitorRepository(source: DataSource): MonitorRepository {
  return new MonitorRepository(source)
}
