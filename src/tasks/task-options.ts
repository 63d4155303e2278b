import { TaskError } from '../errors.ts'
import { parseRateLimit } from '../schedule/token-bucket.ts'

/** Any validator of the Standard Schema, https://standardschema.dev: zod, valibot, arktype, ... */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

type SchemaResult<Output = unknown> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

type ErrorClass = abstract new (...args: never[]) => Error

/** An empty text, or none, is no key. */
type FairnessKey = string | ((...args: never[]) => string | undefined)

/** The options of a task's declaration: Celery's task options under JavaScript names. */
export interface TaskOptions {
  /** Give the function its context (`self`) first. */
  readonly bind?: boolean
  /** The pool it runs in, in place of its worker's: "async", "threads" (for what computes) or "processes". */
  readonly pool?: 'async' | 'threads' | 'processes'
  /** Acknowledge after the run instead of before it. Default: task_acks_late. */
  readonly acksLate?: boolean
  /** Give the message of a late-acked task back when the child that ran it dies. Default: task_reject_on_worker_lost. */
  readonly rejectOnWorkerLost?: boolean
  /** Retry the task when the child that ran it dies. Default: task_retry_on_worker_lost. */
  readonly retryOnWorkerLost?: boolean
  /** The most retries; null is without end. Default 3. */
  readonly maxRetries?: number | null
  /** Seconds. Default 180. */
  readonly defaultRetryDelay?: number
  /** Errors that retry the task by themselves. */
  readonly autoretryFor?: readonly ErrorClass[]
  readonly dontAutoretryFor?: readonly ErrorClass[]
  /** Errors that are expected: they fail the task, but are logged as information and go to no error reporter. */
  readonly throwsExpected?: readonly ErrorClass[]
  /** Wait longer from attempt to attempt: true, or the first delay in seconds. */
  readonly retryBackoff?: boolean | number
  /** Seconds. Default 600. */
  readonly retryBackoffMax?: number
  /** Spread the delays at random. Default true. */
  readonly retryJitter?: boolean
  /** Seconds until `self.signal` aborts. */
  readonly softTimeLimit?: number
  /** Seconds until the run counts as failed. */
  readonly timeLimit?: number
  /** How many may start: "10/s", "10/m", "10/h", or a number per second; null is no limit. Per worker. */
  readonly rateLimit?: string | number | null
  readonly ignoreResult?: boolean
  /** Store errors of a task that stores nothing else. Default: task_store_errors_even_if_ignored. */
  readonly storeErrorsEvenIfIgnored?: boolean
  /** Store STARTED. Default: task_track_started. */
  readonly trackStarted?: boolean
  /** Send events of this task's runs, where the worker sends events of tasks. Default true. */
  readonly sendEvents?: boolean
  readonly priority?: number
  readonly serializer?: string
  readonly compression?: string
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  /** Whose work a call is: a text, or what a function makes of its arguments. See the call option of that name. */
  readonly fairnessKey?: FairnessKey
  /** Seconds after which an unstarted call is dropped. */
  readonly expires?: number
  /** Names of the positional parameters, so that keyword arguments find their place. */
  readonly params?: readonly string[]
  /** Checks the last argument, into which keyword arguments are merged. */
  readonly schema?: StandardSchema
}

const CHECKS: Readonly<Record<keyof TaskOptions, Check>> = {
  bind: boolean(),
  pool: { expected: '"async", "threads" or "processes"', holds: isPool },
  acksLate: boolean(),
  rejectOnWorkerLost: boolean(),
  retryOnWorkerLost: boolean(),
  maxRetries: integer({ nullable: true }),
  defaultRetryDelay: number(),
  autoretryFor: classes(),
  dontAutoretryFor: classes(),
  throwsExpected: classes(),
  retryBackoff: { expected: 'true, false or seconds', holds: isBooleanOrPositive },
  retryBackoffMax: number(),
  retryJitter: boolean(),
  softTimeLimit: number(),
  timeLimit: number(),
  rateLimit: { expected: 'a rate such as "10/m", a number per second, or null', holds: isRate },
  ignoreResult: boolean(),
  storeErrorsEvenIfIgnored: boolean(),
  trackStarted: boolean(),
  sendEvents: boolean(),
  priority: { expected: 'an integer from 0 to 255', holds: isPriority },
  serializer: text(),
  compression: text(),
  queue: text(),
  exchange: text(),
  routingKey: text(),
  fairnessKey: { expected: 'a text, or a function of the arguments', holds: isFairnessKey },
  expires: number(),
  params: { expected: 'a list of names', holds: isListOfText },
  schema: { expected: 'a Standard Schema', holds: isSchema },
}

/** Whether a task has an option of that name. */
export function isTaskOption(name: string): name is keyof TaskOptions {
  return Object.hasOwn(CHECKS, name)
}

/** Whether null is a value of its own there. */
export function takesNull(name: keyof TaskOptions): boolean {
  return CHECKS[name].holds(null)
}

/** Throws TASK_INVALID naming every option that is unknown or has the wrong value. */
export function checkTaskOptions(task: string, options: TaskOptions): void {
  const problems = Object.entries(options).flatMap(([name, value]) => problemOf(name, value))
  if (problems.length > 0) {
    throw new TaskError(
      'TASK_INVALID',
      `task "${task}" has invalid options: ${problems.join('; ')}`,
    )
  }
}

interface Check {
  readonly expected: string
  readonly holds: (value: unknown) => boolean
}

function problemOf(name: string, value: unknown): string[] {
  if (!Object.hasOwn(CHECKS, name)) {
    return [`there is no option "${name}" (the options are ${Object.keys(CHECKS).join(', ')})`]
  }
  const check = CHECKS[name as keyof TaskOptions]
  if (value === undefined || check.holds(value)) return []
  return [`${name} is ${String(value)}, expected ${check.expected}`]
}

function isFairnessKey(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'function'
}

function boolean(): Check {
  return { expected: 'true or false', holds: (value) => typeof value === 'boolean' }
}

function number(): Check {
  return { expected: 'a number of seconds, zero or more', holds: isNonNegative }
}

function text(): Check {
  return { expected: 'a text', holds: (value) => typeof value === 'string' && value !== '' }
}

function integer({ nullable }: { readonly nullable: boolean }): Check {
  return {
    expected: 'an integer, zero or more, or null',
    holds: (value) =>
      (nullable && value === null) || (isNonNegative(value) && Number.isInteger(value)),
  }
}

function classes(): Check {
  return {
    expected: 'a list of error classes',
    holds: (value) => Array.isArray(value) && value.every((item) => typeof item === 'function'),
  }
}

function isNonNegative(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function isBooleanOrPositive(value: unknown): boolean {
  return typeof value === 'boolean' || isNonNegative(value)
}

function isRate(value: unknown): boolean {
  try {
    // What it cannot read it refuses.
    parseRateLimit(value as string)
    return true
  } catch {
    return false
  }
}

function isPool(value: unknown): boolean {
  return value === 'async' || value === 'threads' || value === 'processes'
}

function isPriority(value: unknown): boolean {
  return isNonNegative(value) && Number.isInteger(value) && Number(value) <= 255
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isSchema(value: unknown): boolean {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    '~standard' in value
  )
}
