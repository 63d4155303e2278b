export { migrations } from '../../migrations/index.ts'
export type { Connection, Database } from '../database/database.ts'
export { grantReadOnly } from '../database/grant-read-only.ts'
export {
  type MigrateOptions,
  type MigrationStatus,
  migrateDown,
  migrateUp,
  migrationStatus,
} from '../database/migrate.ts'
export { type OpenDatabaseOptions, openDatabase } from '../database/open-database.ts'
export { DatabaseError, MonitorError } from '../errors.ts'
export {
  EventEntity,
  type EventRow,
  entities,
  MessageEntity,
  type MessageRow,
  QuarantineEntity,
  type QuarantineRow,
  RedactionEntity,
  type RedactionRow,
  ReplayEntity,
  type ReplayRow,
  ScheduledEntity,
  type ScheduledRow,
  TaskEntity,
  TaskFamilyEntity,
  type TaskFamilyRow,
  TaskHistoryEntity,
  type TaskHistoryRow,
  TaskMetaEntity,
  type TaskMetaRow,
  type TaskRow,
  TasksetMetaEntity,
  type TasksetMetaRow,
  WorkerEntity,
  type WorkerRow,
} from './entities/index.ts'
export { createDataSource } from './entities/schema/data-source.ts'
export { Monitor } from './monitor.ts'
export type { MonitorOptions } from './monitor-options.ts'
export type { BatchReport, MonitorStats } from './monitor-stats.ts'
export type { PrivacySettings } from './privacy/privacy.ts'
export {
  type ListedMessage,
  listQuarantine,
  type QuarantineFilters,
  type ShownQuarantine,
  showQuarantine,
} from './quarantine/list-quarantine.ts'
export {
  type ReinjectOptions,
  type ReinjectReport,
  type ReinjectSelection,
  reinject,
  type StillUnread,
} from './quarantine/reinject.ts'
export type { ArgumentFilter } from './queries/argument-filter.ts'
export { countByStatus, type StatusCount } from './queries/count-by-status.ts'
export { type Family, type FamilyFilters, families, family } from './queries/families.ts'
export type { FamilyMember } from './queries/family-rows.ts'
export type { Span } from './queries/family-spans.ts'
export type { PendingStep } from './queries/family-steps.ts'
export {
  type FamilyTree,
  familyTree,
  type SpanTotals,
  type TreeNode,
} from './queries/family-tree.ts'
export type { TaskSummary } from './queries/history-columns.ts'
export { listTasks, type TaskFilters } from './queries/list-tasks.ts'
export { type MonitorRepository, monitorRepository } from './queries/monitor-repository.ts'
export { type Quarantined, quarantined } from './queries/quarantined.ts'
export {
  type RecordedMessage,
  type ShownTask,
  showTask,
  type TaskDetails,
} from './queries/show-task.ts'
export { type StuckOptions, type StuckTask, stuckTasks } from './queries/stuck-tasks.ts'
export {
  type Percentiles,
  type StatsKey,
  type StatsOptions,
  type TaskStats,
  taskStats,
} from './queries/task-stats.ts'
export type { TaskState } from './queries/why/family.ts'
export type { QueueSituation } from './queries/why/queue-situation.ts'
export { type TaskWhy, whyTask } from './queries/why/why-task.ts'
export type { CallEdit } from './replay/call-edit.ts'
export { type Replayed, type ReplayOptions, replayTask } from './replay/replay-task.ts'
export { type NotReplayed, type ReplayManyOptions, replayTasks } from './replay/replay-tasks.ts'
export { selectTasks, type TaskSelection } from './replay/select-tasks.ts'
export { pruneHistory } from './retention/prune-history.ts'
export { type IndexSize, sizeReport, type TableSize } from './retention/size-report.ts'
export type {
  PrunedPartitions,
  PruneOptions,
  PruneProgress,
  PruneReport,
  Retention,
} from './retention/types.ts'
export type { ReconciledLoss } from './states/act-on-loss.ts'
export {
  type BackfillOptions,
  type BackfillProgress,
  backfill,
} from './states/backfill.ts'
export type { Loss, LossKind } from './states/loss.ts'
export type { LossPolicies, LossPolicy } from './states/loss-policy.ts'
export type { ReconcilerOptions } from './states/reconciler.ts'
export type { StateOptions } from './states/state-jobs.ts'
