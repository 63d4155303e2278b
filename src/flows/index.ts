/** Flows: steps that are reverted when one fails, resume after a crash and can wait for days. */

export { DefinitionError, FlowError } from '../errors.ts'
export {
  alwaysRevert,
  alwaysRevertAll,
  causedBy,
  type Decision,
  forEach,
  type History,
  parameterizedForEach,
  Retry,
  type RetryOptions,
  times,
} from './atoms/retry.ts'
export {
  type AtomContext,
  mapTask,
  reduceTask,
  Task,
  type TaskOptions,
  task,
} from './atoms/task.ts'
export { JobFailure, JobNotFound, UnclaimableJob } from './board/board-errors.ts'
export { Board } from './board/database/board.ts'
export type { Claim, Job, PostOptions, Priority } from './board/job.ts'
export type { JobBoard } from './board/job-board.ts'
export { ZookeeperBoard, type ZookeeperBoardOptions } from './board/zookeeper/zookeeper-board.ts'
export { type FlowBuilder, flow } from './builder/flow-builder.ts'
export { Conductor, type ConductorOptions, type FlowSource } from './conductor/conductor.ts'
export { Engine, loadFlow } from './engine/engine.ts'
export type { EngineOptions } from './engine/engine-options.ts'
export type { AtomState, FlowState, Intention } from './engine/states.ts'
export { EventRelay } from './events/event-relay.ts'
export { flowEvents } from './events/flow-event.ts'
export { Failure, WrappedFailure } from './failures/failure.ts'
export {
  AmbiguousDependency,
  CompilationFailure,
  DependencyFailure,
  Duplicate,
  InvalidState,
  LeaseLost,
  MissingDependencies,
  NotFound,
  StorageFailure,
} from './failures/flow-errors.ts'
export { type FlowFile, readFlow, readFlowFile } from './files/flow-file.ts'
export { FLOW_SCHEMA } from './files/flow-schema.ts'
export {
  Flow,
  graph,
  type Item,
  type Link,
  linear,
  link,
  targeted,
  unordered,
} from './patterns/flow.ts'
export { celeryRemotes } from './remote/celery-remotes.ts'
export { type Remotes, remote } from './remote/remote.ts'
export { RemoteRelay } from './remote/remote-relay.ts'
export { DatabaseStore } from './storage/database-store.ts'
export { FileStore } from './storage/file-store.ts'
export type { FlowStore } from './storage/flow-store.ts'
export { MemoryStore } from './storage/memory-store.ts'
export { waitFor } from './waits/wait-for.ts'
export { WakeUps, type WakeUpsOptions } from './waits/wake-ups.ts'
