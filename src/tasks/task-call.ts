import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { TaskError } from '../errors.ts'
import { CALL_OPTION_NAMES, type CallOptions, dictOf, dictsOf } from '../protocol/call-options.ts'
import type { TaskCall, TaskRequest } from '../protocol/task-request.ts'
import { expirationMs, isoAfterSeconds, toIso } from '../protocol/times.ts'

/** A call as its caller makes it: a task by name, arguments and options. */
export interface CallInput {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: CallOptions
  /** Options that Celery does not know, met in a signature; they travel as headers. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** What the app knows and a call needs. */
export interface CallDefaults {
  readonly replyTo: string
  readonly timezone: string | null
  readonly serializer: string
  readonly ignoreResult: boolean
  readonly priority: number | null
  readonly inheritPriority: boolean
}

const OPTION_NAMES: ReadonlySet<string> = new Set(CALL_OPTION_NAMES)
const ORIGIN = `gen${process.pid}@${hostname()}`

/** Turns a call into the fields of its message. `parent` is the request that makes the call, if one does. */
export function taskCall(
  input: CallInput,
  defaults: CallDefaults,
  parent: TaskRequest | undefined,
): TaskCall {
  const { options } = input
  checkCall(input)
  const id = options.taskId ?? randomUUID()
  const now = Date.now()
  const expires = expiresOf(options, now, defaults)
  return {
    id,
    task: input.task,
    args: input.args,
    kwargs: input.kwargs,
    rootId: options.rootId ?? parent?.rootId ?? parent?.id ?? id,
    parentId: options.parentId ?? parent?.id ?? null,
    group: options.groupId ?? null,
    groupIndex: options.groupIndex ?? null,
    shadow: options.shadow ?? null,
    eta: etaOf(options, now, defaults),
    expires,
    retries: options.retries ?? 0,
    timeLimit: options.timeLimit ?? null,
    softTimeLimit: options.softTimeLimit ?? null,
    origin: options.origin ?? ORIGIN,
    ignoreResult: options.ignoreResult ?? defaults.ignoreResult,
    replacedTaskNesting: options.replacedTaskNesting ?? 0,
    ...priorityOf(options, defaults, parent),
    replyTo: options.replyTo ?? defaults.replyTo,
    serializer: options.serializer ?? defaults.serializer,
    callbacks: dictsOf(options.link),
    errbacks: dictsOf(options.linkError),
    chain: options.chain === undefined ? null : options.chain.map(dictOf),
    chord: options.chord === undefined ? null : dictOf(options.chord),
    ...stampsOf(input),
    ...headersOf(input),
    ...(options.argsrepr === undefined ? {} : { argsrepr: options.argsrepr }),
    ...(options.kwargsrepr === undefined ? {} : { kwargsrepr: options.kwargsrepr }),
    ...(options.deliveryMode === undefined ? {} : { deliveryMode: options.deliveryMode }),
    ...(expires === null ? {} : { expirationMs: expirationMs(expires, new Date(now)) }),
  }
}

function checkCall({ task, args, kwargs, options }: CallInput): void {
  if (typeof task !== 'string' || task === '') {
    throw invalid(String(task), 'its name must be a text that is not empty')
  }
  if (!Array.isArray(args)) throw invalid(task, `args is ${String(args)}, expected a list`)
  if (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs)) {
    throw invalid(task, `kwargs is ${String(kwargs)}, expected an object`)
  }
  for (const name in options) {
    if (!OPTION_NAMES.has(name)) {
      throw invalid(
        task,
        `there is no option "${name}"; the options are ${CALL_OPTION_NAMES.join(', ')}`,
      )
    }
  }
  checkNumbers(task, options)
}

function checkNumbers(task: string, options: CallOptions): void {
  const { countdown, priority, expires } = options
  if (countdown !== undefined && !Number.isFinite(countdown)) {
    throw invalid(task, `countdown is ${String(countdown)}, expected seconds`)
  }
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 255)) {
    throw invalid(task, `priority is ${String(priority)}, expected an integer from 0 to 255`)
  }
  if (typeof expires === 'number' && !Number.isFinite(expires)) {
    throw invalid(task, `expires is ${expires}, expected seconds or a time`)
  }
}

function invalid(task: string, problem: string): TaskError {
  return new TaskError('TASK_INVALID', `cannot call task "${task}": ${problem}`)
}

function etaOf(options: CallOptions, now: number, defaults: CallDefaults): string | null {
  if (options.countdown !== undefined) {
    return isoAfterSeconds(options.countdown, new Date(now), defaults.timezone ?? undefined)
  }
  return options.eta === undefined ? null : toIso(options.eta)
}

function expiresOf(options: CallOptions, now: number, defaults: CallDefaults): string | null {
  const { expires } = options
  if (expires === undefined) return null
  return typeof expires === 'number'
    ? isoAfterSeconds(expires, new Date(now), defaults.timezone ?? undefined)
    : toIso(expires)
}

function priorityOf(
  options: CallOptions,
  defaults: CallDefaults,
  parent: TaskRequest | undefined,
): Partial<TaskCall> {
  const inherited = defaults.inheritPriority ? parent?.priority : null
  const priority = options.priority ?? inherited ?? defaults.priority
  return priority === null ? {} : { priority }
}

/** Stamps travel in a signature's options as one flat key each, named in stamped_headers (Celery 5.3+). */
function stampsOf({ options, extra = {} }: CallInput): Partial<TaskCall> {
  const names = options.stampedHeaders
  if (names === undefined || names.length === 0) return {}
  const stamps = Object.fromEntries(
    names.filter((name) => name in extra).map((name) => [name, extra[name]]),
  )
  return { stampedHeaders: names, stamps }
}

function headersOf({ options, extra }: CallInput): Partial<TaskCall> {
  if (extra === undefined) return options.headers === undefined ? {} : { headers: options.headers }
  const stamped = new Set(options.stampedHeaders)
  const unknown = Object.entries(extra).filter(([name]) => !stamped.has(name))
  return { headers: { ...Object.fromEntries(unknown), ...options.headers } }
}
