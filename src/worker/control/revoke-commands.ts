import { constants } from 'node:os'
import { repr } from '../../codecs/python/python-repr.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import { type RevokedTasks, stampValues } from '../../control/revoked-tasks.ts'
import type { Logger } from '../../logger.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import { isRefusedForGood, isUnreadable, shownId } from '../../results/failures.ts'
import type { ResultStore } from '../../results/result-store.ts'
import { revokedResult } from '../outcomes/stored-outcome.ts'
import type { Termination } from '../pools/pool.ts'
import { type Arguments, isTrue, LONGEST_TEXT, refused } from './arguments.ts'
import type { ControlledWorker } from './controlled-worker.ts'

interface RevokeParts {
  readonly worker: ControlledWorker
  readonly revoked: RevokedTasks
  /** Resolves once what is revoked will be remembered. */
  readonly remember: () => Promise<void>
  readonly results: ResultStore
  readonly logger: Logger
}

/** States of tasks that have not begun: only these are revoked before they arrive at a worker, as in Celery. */
const NOT_BEGUN: ReadonlySet<string> = new Set(['PENDING', 'RECEIVED', 'RETRY', 'REJECTED'])
const MARKED_AT_ONCE = 16
const MOST_LOGGED = 20
const MOST_SHOWN = 1_000

/** The commands that revoke, with Celery's names, arguments and answers. */
export function revokeCommands(
  parts: RevokeParts,
): readonly (readonly [string, CommandFunction])[] {
  return [
    ['revoke', (args) => revoke(parts, args)],
    ['terminate', (args) => revoke(parts, { ...args, terminate: true })],
    ['revoke_by_stamped_headers', (args) => revokeByStamps(parts, args)],
  ]
}

async function revoke(parts: RevokeParts, args: Arguments): Promise<unknown> {
  const { worker, revoked, remember, logger } = parts
  if (args.task_id === undefined || args.task_id === null) {
    throw refused('task_id', args.task_id, 'a task id, or a list of them')
  }
  const ids = new Set(stampValues(args.task_id).map(taskIdOf))
  const how = isTrue(args.terminate) ? terminationOf(args) : undefined
  revoked.add(ids)
  await remember()
  const matches = ({ id }: TaskRequest): boolean => ids.has(id)
  const ended = how === undefined ? [] : worker.terminate(matches, how)
  const here = [...ended, ...worker.discardWaiting(matches)]
  await markRevoked(
    parts,
    // One that is forgotten already runs when it comes.
    [...ids].filter((id) => revoked.remembers(id) && !(here.includes(id) || worker.isRunning(id))),
  )
  logger.info({ taskIds: firstOf(ids), count: ids.size, ended }, 'tasks revoked')
  if (how === undefined) return ok(`tasks ${shown(ids)} flagged as revoked`)
  return ok(here.length === 0 ? 'terminate: tasks unknown' : `terminate: ${here.join(', ')}`)
}

/** Digits are an id too, as in Python. */
function taskIdOf(value: unknown): string {
  const id = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
  if (typeof id === 'string' && id.length <= LONGEST_TEXT) return id
  const found = typeof id === 'string' ? `a text of ${id.length} characters` : repr(id)
  throw new TypeError(
    `a task id is ${found}, expected a text of at most ${LONGEST_TEXT} characters`,
  )
}

async function revokeByStamps(
  { worker, revoked, remember, logger }: RevokeParts,
  args: Arguments,
): Promise<unknown> {
  const headers = stampsIn(args.headers)
  const how = isTrue(args.terminate) ? terminationOf(args) : undefined
  for (const [name, values] of headers) revoked.addStamps(name, values)
  await remember()
  const logged = headers.slice(0, MOST_LOGGED).map(([name, values]) => [name, firstOf(values)])
  logger.info({ stamps: Object.fromEntries(logged) }, 'tasks with these stamps are revoked')
  const meant = headers.map(([name, values]) => [name, new Set(values)] as const)
  const matches = (request: TaskRequest): boolean => hasStamps(request, meant)
  worker.discardWaiting(matches)
  const count = headers.reduce((sum, [, values]) => sum + values.length, headers.length)
  const text = count > MOST_SHOWN ? `of ${headers.length} stamps` : repr(args.headers)
  if (how === undefined) return ok(`headers ${text} flagged as revoked, but not terminated`)
  const ended = worker.terminate(matches, how)
  return ok(ended.length === 0 ? `headers ${text} were not terminated` : `headers ${text} revoked`)
}

function firstOf(values: Iterable<unknown>): readonly unknown[] {
  const first: unknown[] = []
  for (const value of values) {
    if (first.length === MOST_LOGGED) break
    first.push(value)
  }
  return first
}

/** As Python shows them; of many only how many. */
function shown(ids: ReadonlySet<string>): string {
  return ids.size > MOST_SHOWN ? `(${ids.size} of them)` : repr(ids)
}

/**
 * Callers that wait for a task that has not begun need not wait until it arrives at a worker. A few at a time, as there may be tens
 * of thousands; where the result backend is away, the rest learn it when they arrive.
 */
async function markRevoked(parts: RevokeParts, taskIds: readonly string[]): Promise<void> {
  if (!parts.results.features.keeps) return
  const left = taskIds.values()
  let failure: unknown
  const markSome = async (): Promise<void> => {
    for (const taskId of left) {
      if (failure !== undefined) return
      failure ??= await failureToMark(parts, taskId)
    }
  }
  await Promise.all(Array.from({ length: MARKED_AT_ONCE }, markSome))
  if (failure !== undefined) {
    parts.logger.warn({ err: failure }, 'cannot store yet that a task is revoked')
  }
}

/** Why none can be marked now; what concerns this one alone is logged. */
async function failureToMark({ results, logger }: RevokeParts, taskId: string): Promise<unknown> {
  try {
    const { status } = await results.get(taskId)
    if (NOT_BEGUN.has(status)) await results.save(revokedResult(taskId))
  } catch (error) {
    if (!(isRefusedForGood(error) || isUnreadable(error))) return error
    logger.warn({ taskId: shownId(taskId), err: error }, 'cannot store that a task is revoked')
  }
  return undefined
}

function hasStamps(
  { stampedHeaders, stamps }: TaskRequest,
  headers: readonly (readonly [string, ReadonlySet<unknown>])[],
): boolean {
  return headers.some(
    ([name, values]) =>
      (stampedHeaders ?? []).includes(name) &&
      stampValues(stamps[name]).some((value) => values.has(value)),
  )
}

/** `{ stamp: value or values }`, or a list of "stamp=value". */
export function stampsIn(headers: unknown): readonly (readonly [string, readonly unknown[]])[] {
  const stamps = writtenStamps(headers)
  for (const [name, values] of stamps) {
    checkLength('the name of a stamp', name)
    for (const value of values) checkStamp(value)
  }
  return stamps
}

function writtenStamps(headers: unknown): readonly (readonly [string, readonly unknown[]])[] {
  if (Array.isArray(headers)) {
    return headers.map((header) => {
      if (typeof header !== 'string') {
        throw new TypeError(`a stamp is ${repr(header)}, expected a text such as "name=value"`)
      }
      const [name = '', value = ''] = header.split('=', 2)
      return [name, [value]]
    })
  }
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError(`headers are ${repr(headers)}, expected stamps and their values`)
  }
  return Object.entries(headers).map(([name, values]) => [name, stampValues(values)])
}

/** Objects are never equal to those of a task. */
function checkStamp(value: unknown): void {
  if (typeof value === 'object') {
    throw new TypeError(`a stamp is ${repr(value)}, expected a text, a number, true or false`)
  }
  if (typeof value === 'string') checkLength('a stamp', value)
}

function checkLength(what: string, text: string): void {
  if (text.length <= LONGEST_TEXT) return
  throw new TypeError(
    `${what} is a text of ${text.length} characters, expected at most ${LONGEST_TEXT}`,
  )
}

function terminationOf({ signal, reason }: Arguments): Termination {
  return {
    signum: signalNumber(isTrue(signal) ? signal : 'SIGTERM'),
    reason: typeof reason === 'string' ? reason : undefined,
  }
}

/** "SIGKILL", "KILL" or 9, as in Python. */
function signalNumber(signal: unknown): number {
  const numbers: Readonly<Record<string, number>> = constants.signals
  const name = typeof signal === 'string' ? signal.slice(0, 32).toUpperCase() : ''
  const asked = typeof signal === 'number' || typeof signal === 'bigint' ? signal : name
  const number = Object.hasOwn(numbers, name) ? numbers[name] : numbers[`SIG${name}`]
  const found = number ?? Object.values(numbers).find((known) => known === Number(asked))
  if (found !== undefined) return found
  throw refused('signal', signal, 'the name or the number of a signal, as SIGKILL or 9')
}

function ok(text: string): { readonly ok: string } {
  return { ok: text }
}
