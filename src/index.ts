// The public surface, in the order of the journey: configure, call, carry, run, keep.

export type { Broker, Delivery, PublishOptions, Subscription } from './brokers/broker.ts'
export { openBroker } from './brokers/open-broker.ts'
export {
  DateTime,
  Decimal,
  Float,
  LocalDate,
  LocalTime,
  PythonObject,
  Tuple,
  Uuid,
} from './codecs/values.ts'
export { Config, type ConfigOptions } from './config/config.ts'
export type { BroadcastOptions, Control, RevokeOptions } from './control/control.ts'
export type { Answers, Inspect, InspectOptions } from './control/inspect.ts'
export { type CeleryApp, createApp } from './create-app.ts'
export {
  BrokerError,
  ConfigError,
  DatabaseError,
  MonitorError,
  ProtocolError,
  ResultError,
  TaskError,
  TaskFailedError,
  ToolboxError,
  UnroutableTaskError,
} from './errors.ts'
export type { EventClient } from './events/event-client.ts'
export type { EventFields } from './events/event-fields.ts'
export { type Logger, silentLogger } from './logger.ts'
export type { Message, Route } from './protocol/message.ts'
export type { State } from './protocol/results/states.ts'
export type { ExceptionInfo, TaskResult } from './protocol/results/task-result.ts'
export type { CallOptions, RetryPolicy } from './protocol/tasks/call-options.ts'
export type { SignatureDict, TaskRequest } from './protocol/tasks/task-request.ts'
export { AsyncResult, type GetOptions, type RevokeResultOptions } from './results/async-result.ts'
export { GroupResult } from './results/group-result.ts'
export type { ResultTuple } from './results/result-node.ts'
export type { ResultStore } from './results/result-store.ts'
export type { AppOptions } from './tasks/app/connected-app.ts'
export { buildFunctionalTests, type FunctionalTest } from './tasks/app/functional-tests.ts'
// biome-ignore lint/performance/noReExportAll: only what is exported so can be filled by declarations elsewhere.
export * from './tasks/app/remote-tasks.ts'
export { setupApp } from './tasks/app/setup-app.ts'
export { extractFollowups } from './tasks/calls/followups.ts'
export { chain, chord, group } from './tasks/canvas/canvas.ts'
export type {
  AnyKwargs,
  BesideKwargs,
  MergedKwargs,
  NamedKwargs,
  NoKwargs,
} from './tasks/kwargs-types.ts'
export {
  Ignore,
  Reject,
  Retry,
  type RetryOptions,
  SoftTimeLimitExceeded,
  TaskRevoked,
  TimeLimitExceeded,
} from './tasks/signals.ts'
export { type ApplyOptions, Group, Signature } from './tasks/signature.ts'
export type { Task } from './tasks/task.ts'
export type { TaskContext } from './tasks/task-context.ts'
export type { StandardSchema, TaskOptions } from './tasks/task-options.ts'
// What the compiler names where it declares the tasks of an app.
export type {
  BoundTaskFunction,
  Immutable,
  InputOf,
  OutputOf,
  TaskFunction,
} from './tasks/task-types.ts'
export type { Worker } from './worker/worker.ts'
export type { WorkerOptions } from './worker/worker-options.ts'
