import { hostname } from 'node:os'
import { reprArgs, reprKwargs } from '../../codecs/python/python-repr.ts'
import { TaskError } from '../../errors.ts'
import {
  CALL_OPTION_NAMES,
  type CallOptions,
  dictOf,
  dictsOf,
  recordHeaders,
} from '../../protocol/tasks/call-options.ts'
import { newTaskId } from '../../protocol/tasks/new-task-id.ts'
import type { TaskCall } from '../../protocol/tasks/task-request.ts'
import { expirationMs, isoAfterSeconds, toIso } from '../../protocol/times.ts'
import type { CallDefaults } from './call-defaults.ts'
import type { Caller } from './current-request.ts'

/** A call as its caller makes it: a task by name, arguments and options. */
export interface CallInput {
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: CallOptions
  /** The options come with a signature, perhaps from an app that knows more queues. */
  readonly isFromSignature?: boolean
  /** It is a member of a group: the running task records the group as its child. */
  readonly isMember?: boolean
  /** The task whose route the call takes; default its own. */
  readonly routeAs?: string
  /** Options that Celery does not know, met in a signature; they travel as headers. */
  readonly extra?: Readonly<Record<string, unknown>>
}

const OPTION_NAMES: ReadonlySet<string> = new Set(CALL_OPTION_NAMES)
const ORIGIN = `gen${process.pid}@${hostname()}`

/** Turns a call into the fields of its message, but for its priority. `parent` is the request that makes the call, if one does. */
export function taskCall(
  input: CallInput,
  defaults: CallDefaults,
  parent: Caller | undefined,
): TaskCall {
  checkCall(input)
  const { task, args, kwargs, options } = input
  // An empty id is none, as in Python.
  const id = options.taskId || newTaskId()
  return {
    id,
    task,
    args,
    kwargs,
    ...familyOf(id, options, parent),
    ...timesOf(options, defaults.timezone),
    ...shownAs(input, defaults),
    ...deliveryOf(options, defaults),
    ...followedBy(options),
    ...stampsOf(input),
    ...headersOf(input),
  }
}

function familyOf(id: string, options: CallOptions, parent: Caller | undefined): Partial<TaskCall> {
  return {
    rootId: options.rootId ?? parent?.rootId ?? parent?.id ?? id,
    parentId: options.parentId ?? parent?.id ?? null,
    group: options.groupId ?? null,
    groupIndex: options.groupIndex ?? null,
    retries: options.retries ?? 0,
    replacedTaskNesting: options.replacedTaskNesting ?? 0,
    origin: options.origin ?? ORIGIN,
  }
}

function timesOf(options: CallOptions, timezone: string | undefined): Partial<TaskCall> {
  const now = new Date()
  const at = (seconds: number): string => isoAfterSeconds(seconds, now, timezone)
  const { countdown, eta, expires, timeLimit = null, softTimeLimit = null } = options
  const times = { timeLimit, softTimeLimit, eta: eta === undefined ? null : toIso(eta) }
  // A countdown of 0 is none, as in Celery: the message is not held anywhere.
  const due = countdown ? { ...times, eta: at(countdown) } : times
  if (expires === undefined) return due
  const ends = typeof expires === 'number' ? at(expires) : toIso(expires)
  return { ...due, expires: ends, expirationMs: expirationMs(ends, now) }
}

function deliveryOf(options: CallOptions, defaults: CallDefaults): Partial<TaskCall> {
  return {
    replyTo: options.replyTo ?? defaults.replyTo,
    serializer: options.serializer ?? defaults.serializer,
    ignoreResult: options.ignoreResult ?? defaults.ignoreResult,
    deliveryMode: options.deliveryMode ?? defaults.deliveryMode,
  }
}

/** How people see it, where it is not seen as every call is. */
function shownAs(
  { args, kwargs, options }: CallInput,
  { reprLevels }: CallDefaults,
): Partial<TaskCall> {
  const limits = { maxLevels: reprLevels }
  const { shadow } = options
  const argsrepr =
    options.argsrepr ?? (reprLevels === undefined ? undefined : reprArgs(args, limits))
  const kwargsrepr =
    options.kwargsrepr ?? (reprLevels === undefined ? undefined : reprKwargs(kwargs, limits))
  return {
    ...(shadow === undefined ? {} : { shadow }),
    ...(argsrepr === undefined ? {} : { argsrepr }),
    ...(kwargsrepr === undefined ? {} : { kwargsrepr }),
  }
}

function followedBy({ link, linkError, chain, chord }: CallOptions): Partial<TaskCall> {
  return {
    callbacks: dictsOf(link),
    errbacks: dictsOf(linkError),
    chain: chain === undefined ? null : chain.map(dictOf),
    chord: chord === undefined ? null : dictOf(chord),
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
  const hasPriority = priority !== undefined && priority !== null
  if (hasPriority && !(Number.isInteger(priority) && priority >= 0 && priority <= 255)) {
    throw invalid(task, `priority is ${String(priority)}, expected an integer from 0 to 255`)
  }
  if (typeof expires === 'number' && !Number.isFinite(expires)) {
    throw invalid(task, `expires is ${expires}, expected seconds or a time`)
  }
}

function invalid(task: string, problem: string): TaskError {
  return new TaskError('TASK_INVALID', `cannot call task "${task}": ${problem}`)
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

function headersOf({ options, extra = {} }: CallInput): Partial<TaskCall> {
  const stamped = new Set(options.stampedHeaders)
  const unknown = Object.entries(extra).filter(([name]) => !stamped.has(name))
  const headers = {
    ...Object.fromEntries(unknown),
    ...recordHeaders(options),
    ...options.headers,
  }
  return Object.keys(headers).length === 0 ? {} : { headers }
}
