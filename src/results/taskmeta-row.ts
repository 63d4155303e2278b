import type { Serializer } from '../codecs/serializers.ts'
import { isReady } from '../protocol/results/states.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import { unreadableResult } from './failures.ts'
import type { ChordMember } from './result-store.ts'
import {
  decodeResult,
  decodeStored,
  encodeResult,
  isLargeStored,
  JSON_FORM,
  readLargeStored,
  refuse,
} from './stored-value.ts'

/** One row of celery_taskmeta; the columns that old tables lack may be missing. */
export interface TaskmetaRow {
  readonly taskId: string
  readonly status: string
  /** Pickle; null is None. */
  readonly result: Buffer | null
  readonly dateDone: Date | null
  readonly traceback: string | null
  readonly name?: string | null
  /** In the form of result_serializer. */
  readonly args?: Buffer | null
  readonly kwargs?: Buffer | null
  readonly worker?: string | null
  readonly retries?: number | null
  readonly queue?: string | null
  /** In the form of result_serializer; a column since Celery 5.7. */
  readonly children?: Buffer | null
  /** About what it weighs on the wire. */
  readonly byteLength: number
  /** Counted together with the row. */
  readonly member?: ChordMember
}

const LONGEST_NAME = 155
const LONGEST_STATUS = 50
const LARGEST_INTEGER = 2 ** 31

interface RowForm {
  readonly isExtended: boolean
  /** Of args, kwargs and children. Default JSON. */
  readonly serializer?: Serializer
  /** Values that a result may hold. */
  readonly maxNodes?: number | undefined
}

/** The row Python's backend would write; rejects what has no form there, so that it spoils no batch. */
export function encodeRow(
  result: TaskResult,
  { isExtended, serializer = JSON_FORM, maxNodes }: RowForm,
): TaskmetaRow {
  checkKey(result, 'taskId', LONGEST_NAME)
  checkKey(result, 'status', LONGEST_STATUS)
  const { taskId, status } = result
  const extended = isExtended ? encodeExtended(result, serializer) : NOT_EXTENDED
  const { name, args, kwargs, worker, retries, queue } = extended
  const value = encodeResult(result, maxNodes)
  const traceback = withoutNul(result.traceback)
  return {
    taskId,
    status,
    result: value,
    // As in Python: a time for what is over, none for a task that is still running.
    dateDone: isReady(status) ? (result.dateDone ?? new Date()) : null,
    traceback,
    name,
    args,
    kwargs,
    worker,
    retries,
    queue,
    children: result.children?.length ? bytesOf(result.children, serializer) : null,
    byteLength: 200 + lengthOf(value) + lengthOf(traceback) + lengthOf(args) + lengthOf(kwargs),
  }
}

function lengthOf(part: Buffer | string | null): number {
  return part?.length ?? 0
}

/** At once, however long it takes. */
export function decodeRow(row: TaskmetaRow, serializer: Serializer = JSON_FORM): TaskResult {
  return resultOf(row, (bytes) => decodeStored(bytes, serializer))
}

/** The same, where a large value keeps the event loop from nothing else. */
export async function readRow(
  row: TaskmetaRow,
  serializer: Serializer = JSON_FORM,
): Promise<TaskResult> {
  const large = COLUMNS.flatMap((column) => row[column] ?? []).filter((bytes) =>
    isLargeStored(bytes, serializer),
  )
  const read = new Map<Buffer, () => unknown>()
  for (const bytes of large) read.set(bytes, await outcomeOf(readLargeStored(bytes, serializer)))
  return resultOf(row, (bytes) => {
    const outcome = read.get(bytes)
    return outcome === undefined ? decodeStored(bytes, serializer) : outcome()
  })
}

const COLUMNS = ['result', 'args', 'kwargs', 'children'] as const

/** What gives the value again, or throws the error again, later. */
async function outcomeOf(reading: Promise<unknown>): Promise<() => unknown> {
  try {
    const value = await reading
    return () => value
  } catch (cause) {
    return () => {
      throw cause
    }
  }
}

function resultOf(row: TaskmetaRow, stored: (bytes: Buffer) => unknown): TaskResult {
  const { taskId, status, traceback } = row
  return {
    taskId,
    status,
    result: read(row, 'result', (bytes) => decodeResult(status, stored(bytes))),
    traceback,
    dateDone: row.dateDone instanceof Date ? row.dateDone : null,
    ...(row.children && { children: asList(read(row, 'children', stored)) }),
    ...(isExtendedRow(row) && decodeExtended(row, stored)),
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

type Extended = Required<
  Pick<TaskmetaRow, 'name' | 'args' | 'kwargs' | 'worker' | 'retries' | 'queue'>
>

const NOT_EXTENDED: Extended = {
  name: null,
  args: null,
  kwargs: null,
  worker: null,
  retries: null,
  queue: null,
}

function encodeExtended(result: TaskResult, serializer: Serializer): Extended {
  const retries = result.retries ?? null
  return {
    name: shortened(result.name),
    args: bytesOf(result.args, serializer),
    kwargs: bytesOf(result.kwargs, serializer),
    worker: shortened(result.worker),
    retries: Number.isInteger(retries) && Math.abs(retries ?? 0) < LARGEST_INTEGER ? retries : null,
    queue: shortened(result.queue),
  }
}

function isExtendedRow({ name, args, kwargs, worker, retries, queue }: TaskmetaRow): boolean {
  return [name, args, kwargs, worker, retries, queue].some(
    (part) => part !== null && part !== undefined,
  )
}

function decodeExtended(row: TaskmetaRow, stored: (bytes: Buffer) => unknown) {
  return {
    name: row.name ?? null,
    args: read(row, 'args', stored),
    kwargs: read(row, 'kwargs', stored),
    worker: row.worker ?? null,
    retries: row.retries ?? null,
    queue: row.queue ?? null,
  }
}

function read(
  row: TaskmetaRow,
  column: 'result' | 'args' | 'kwargs' | 'children',
  decode: (bytes: Buffer) => unknown,
): unknown {
  const bytes = row[column]
  if (bytes === null || bytes === undefined) return null
  try {
    return decode(bytes)
  } catch (cause) {
    throw unreadableResult(row.taskId, cause, `column "${column}" of PostgreSQL`)
  }
}

function checkKey(result: TaskResult, key: 'taskId' | 'status', longest: number): void {
  const text = result[key]
  if (text.includes('\0')) throw refuse(result.taskId, `its ${key} contains a NUL character`)
  if (text.length > longest && [...text].length > longest) {
    throw refuse(
      result.taskId,
      `its ${key} has more than the ${longest} characters there is room for`,
    )
  }
}

/** A description that is too long loses its end, where Python would lose the whole result. */
function shortened(text: string | null | undefined): string | null {
  const clean = withoutNul(text)
  return clean === null || clean.length <= LONGEST_NAME
    ? clean
    : [...clean].slice(0, LONGEST_NAME).join('')
}

/** PostgreSQL's text holds any character but NUL. */
function withoutNul(text: string | null | undefined): string | null {
  return text?.replaceAll('\0', '\uFFFD') ?? null
}

function bytesOf(value: unknown, serializer: Serializer): Buffer | null {
  if (value === undefined || value === null) return null
  try {
    return serializer.encode(value)
  } catch {
    // They only describe the task: its result is worth keeping without them.
    return null
  }
}
