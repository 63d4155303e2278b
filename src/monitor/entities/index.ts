import { EventEntity } from './event.ts'
import { LeaseEntity } from './lease.ts'
import { MessageEntity } from './message.ts'
import { QuarantineEntity } from './quarantine.ts'
import { QueueEntity } from './queue.ts'
import { RedactionEntity } from './redaction.ts'
import { ReplayEntity } from './replay.ts'
import { ScheduledEntity } from './scheduled.ts'
import { ClaimEntity } from './sqs/claim.ts'
import { ControlEntity } from './sqs/control.ts'
import { SuspectEntity } from './sqs/suspect.ts'
import { TaskEntity } from './task.ts'
import { TaskFamilyEntity } from './task-family.ts'
import { TaskHistoryEntity } from './task-history.ts'
import { TaskMetaEntity } from './task-meta.ts'
import { TasksetMetaEntity } from './taskset-meta.ts'
import { WorkerEntity } from './worker.ts'
import { WorkerProcessEntity } from './worker-process.ts'

export { EventEntity, type EventRow } from './event.ts'
export { LeaseEntity, type LeaseRow } from './lease.ts'
export { MessageEntity, type MessageRow } from './message.ts'
export { QuarantineEntity, type QuarantineRow } from './quarantine.ts'
export { QueueEntity, type QueueRow } from './queue.ts'
export { RedactionEntity, type RedactionRow } from './redaction.ts'
export { ReplayEntity, type ReplayRow } from './replay.ts'
export { ScheduledEntity, type ScheduledRow } from './scheduled.ts'
export { ClaimEntity, type ClaimRow } from './sqs/claim.ts'
export { ControlEntity, type ControlRow } from './sqs/control.ts'
export { SuspectEntity, type SuspectRow } from './sqs/suspect.ts'
export { TaskEntity, type TaskRow } from './task.ts'
export { TaskFamilyEntity, type TaskFamilyRow } from './task-family.ts'
export { TaskHistoryEntity, type TaskHistoryRow } from './task-history.ts'
export { TaskMetaEntity, type TaskMetaRow } from './task-meta.ts'
export { TasksetMetaEntity, type TasksetMetaRow } from './taskset-meta.ts'
export { WorkerEntity, type WorkerRow } from './worker.ts'
export { WorkerProcessEntity, type WorkerProcessRow } from './worker-process.ts'

/** Every table and view, for a DataSource of your own. */
export const entities = [
  TaskEntity,
  MessageEntity,
  EventEntity,
  WorkerEntity,
  WorkerProcessEntity,
  QueueEntity,
  QuarantineEntity,
  RedactionEntity,
  ReplayEntity,
  ScheduledEntity,
  LeaseEntity,
  ControlEntity,
  SuspectEntity,
  ClaimEntity,
  TaskMetaEntity,
  TasksetMetaEntity,
  TaskHistoryEntity,
  TaskFamilyEntity,
] as const
