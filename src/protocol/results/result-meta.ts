import { DateTime } from '../../codecs/values.ts'
import { ResultError } from '../../errors.ts'
import { isRecord, type Source, textOrNull } from '../field-readers.ts'
import { showValue } from '../show-value.ts'
import { isoAfterSeconds, parseIso, toIso } from '../times.ts'
import { exceptionFromMeta, exceptionToMeta } from './exceptions.ts'
import { isExceptionState, isReady } from './states.ts'
import type { ExceptionInfo, TaskResult } from './task-result.ts'

/**
 * A result as Celery's RPC and Redis backends keep it, ready for JSON; keys as Python orders them.
 * https://docs.celeryq.dev/en/stable/internals/protocol.html
 */
export function encodeResultMeta(result: TaskResult, timezone?: string): Record<string, unknown> {
  const { status, dateDone, groupId, parentId } = result
  return {
    status,
    result: isExceptionState(status) ? storedException(result.result) : result.result,
    traceback: result.traceback,
    children: result.children ?? [],
    date_done: isReady(status) && dateDone !== null ? isoIn(timezone, dateDone) : null,
    ...(groupId ? { group_id: groupId } : {}),
    ...(parentId ? { parent_id: parentId } : {}),
    ...(result.name === undefined ? {} : extendedOf(result)),
    task_id: result.taskId,
  }
}

/** Reads what `encodeResultMeta`, or Python, wrote. */
export function decodeResultMeta(value: unknown): TaskResult {
  if (!isRecord(value)) throw unreadableField('the result', value, 'an object')
  const { status, task_id: taskId } = value
  if (typeof taskId !== 'string') throw unreadableField('task_id', taskId, "the task's id")
  if (typeof status !== 'string' || status === '')
    throw unreadableField('status', status, 'a state')
  return {
    taskId,
    status,
    result: resultOf(status, value.result),
    traceback: textOrNull(value.traceback),
    dateDone: dateOf(value.date_done),
    ...extrasOf(value),
  }
}

/** As in Python, a result says in the app's own zone when it was. */
function isoIn(timezone: string | undefined, date: Date): string {
  return timezone === undefined ? toIso(date) : isoAfterSeconds(0, date, timezone)
}

function storedException(result: unknown): unknown {
  // An exception state holds an ExceptionInfo or null.
  return result === null ? null : exceptionToMeta(result as ExceptionInfo)
}

function extendedOf(result: TaskResult): Record<string, unknown> {
  return {
    name: result.name,
    args: result.args ?? null,
    kwargs: result.kwargs ?? null,
    worker: result.worker ?? null,
    retries: result.retries ?? null,
    queue: result.queue ?? null,
  }
}

function resultOf(status: string, result: unknown): unknown {
  if (result === undefined || result === null) return null
  return isExceptionState(status) ? exceptionFromMeta(result) : result
}

function extrasOf(meta: Source): Partial<TaskResult> {
  return {
    ...(Array.isArray(meta.children) ? { children: meta.children } : {}),
    ...('group_id' in meta ? { groupId: textOrNull(meta.group_id) } : {}),
    ...('parent_id' in meta ? { parentId: textOrNull(meta.parent_id) } : {}),
    ...('name' in meta ? extendedFrom(meta) : {}),
  }
}

function extendedFrom(meta: Source): Partial<TaskResult> {
  return {
    name: textOrNull(meta.name),
    args: meta.args ?? null,
    kwargs: meta.kwargs ?? null,
    worker: textOrNull(meta.worker),
    retries: typeof meta.retries === 'number' ? meta.retries : null,
    queue: textOrNull(meta.queue),
  }
}

function dateOf(value: unknown): Date | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value
  const text = value instanceof DateTime ? value.toString() : value
  if (typeof text !== 'string') throw unreadableField('date_done', value, 'an ISO 8601 time')
  try {
    return parseIso(text)
  } catch (cause) {
    throw unreadableField('date_done', value, 'an ISO 8601 time', cause)
  }
}

function unreadableField(
  field: string,
  value: unknown,
  expected: string,
  cause?: unknown,
): ResultError {
  return new ResultError(
    'RESULT_UNREADABLE',
    `${field} is ${showValue(value)}, expected ${expected}`,
    cause === undefined ? {} : { cause },
  )
}
