import { inTurn } from '../codecs/in-turn.ts'
import { DEFAULT_LIMITS } from '../codecs/limits.ts'
import { readPickle } from '../codecs/pickle/pickle-reader.ts'
import { writePickle } from '../codecs/pickle/pickle-writer.ts'
import { type Serializer, serializerByName } from '../codecs/serializers.ts'
import { Tuple } from '../codecs/values.ts'
import { ProtocolError } from '../errors.ts'
import { exceptionFromMeta, exceptionToMeta } from '../protocol/results/exceptions.ts'
import { isExceptionState } from '../protocol/results/states.ts'
import type { ExceptionInfo, TaskResult } from '../protocol/results/task-result.ts'
import { showValue } from '../protocol/show-value.ts'
import { textOfError } from '../text-of-error.ts'
import { shownId } from './failures.ts'

/** Throws ProtocolError VALUE_UNENCODABLE for a value that no result can hold. */
export function assertStorable(value: unknown): void {
  if (value !== undefined && value !== null) writePickle(value)
}

/** The result column: pickle that Python 3 reads, null for None. */
export function encodeResult(
  { taskId, status, result }: TaskResult,
  maxNodes?: number,
): Buffer | null {
  if (result === undefined || result === null) return null
  try {
    return writePickle(isExceptionState(status) ? exceptionMeta(result) : result, maxNodes)
  } catch (cause) {
    throw refuse(taskId, textOfError(cause), cause)
  }
}

/** What the value of a result column stands for. */
export function decodeResult(status: string, value: unknown): unknown {
  if (!isExceptionState(status)) return value
  return value === null ? null : exceptionFromMeta(value)
}

/**
 * Celery up to 5.6 stores pickle, from 5.7 on the text of result_serializer; nothing in the row says which. Pickle and
 * JSON are distinguished as monitor.read_result does it in SQL; other forms are read where the config names them.
 */
export function decodeStored(bytes: Buffer, serializer: Serializer): unknown {
  if (isPickle(bytes, serializer)) return readPickle(bytes)
  const forms = formsOf(serializer)
  let failure: unknown
  for (const form of forms) {
    try {
      return form.decode(bytes)
    } catch (cause) {
      failure ??= cause
    }
  }
  throw unknownForm(forms, failure)
}

/** The same off the event loop, or in slices of its time: for values that are large. */
export async function readLargeStored(bytes: Buffer, serializer: Serializer): Promise<unknown> {
  const forms = isPickle(bytes, serializer) ? [PICKLE_FORM] : formsOf(serializer)
  let failure: unknown
  for (const form of forms) {
    try {
      return await inTurn(DEFAULT_LIMITS, (limits) => form.decodeLarge(bytes, { limits }))
    } catch (cause) {
      failure ??= cause
    }
  }
  if (failure instanceof ProtocolError && failure.code === 'MESSAGE_TOO_LARGE') throw failure
  throw forms[0] === PICKLE_FORM ? failure : unknownForm(forms, failure)
}

/** Whether reading it at once would keep the event loop from everything else for too long. */
export function isLargeStored(bytes: Buffer, serializer: Serializer): boolean {
  return bytes.length > Math.min(serializer.largestAtOnce, PICKLE_FORM.largestAtOnce)
}

/** JSON as well: result_serializer may have been another one when it was written. */
function formsOf(serializer: Serializer): readonly Serializer[] {
  return serializer.name === 'json' ? [serializer] : [serializer, JSON_FORM]
}

/** By the first byte of protocol 2 and later, or the last of any: no text ends so, and msgpack has nothing behind 0x80. */
function isPickle(bytes: Buffer, { name }: Serializer): boolean {
  const hasMark = bytes[0] === PICKLE_MARK && bytes.length > 1
  return hasMark || (name !== 'msgpack' && bytes.at(-1) === PICKLE_END)
}

const PICKLE_MARK = 0x80
const PICKLE_END = 0x2e

/** What results are in where nothing else is said. */
export const JSON_FORM = serializerByName('json')
const PICKLE_FORM = serializerByName('pickle')

function unknownForm(forms: readonly Serializer[], cause: unknown): ProtocolError {
  const why = textOfError(cause)
  const names = forms.map(({ name }) => NAMES[name] ?? name).join(' nor ')
  return new ProtocolError('MESSAGE_UNDECODABLE', `it is neither pickle nor ${names}: ${why}`, {
    cause,
  })
}

const NAMES: Readonly<Record<string, string>> = { json: 'JSON', yaml: 'YAML', msgpack: 'msgpack' }

export function refuse(taskId: string, why: string, cause?: unknown): ProtocolError {
  const message = `the result of task "${shownId(taskId)}" cannot be stored: ${why}`
  return new ProtocolError('VALUE_UNENCODABLE', message, { cause })
}

/** Python's backend stores the arguments as a tuple. */
function exceptionMeta(result: unknown) {
  const info = isExceptionInfo(result) ? result : exceptionFromMeta(result)
  const { exc_type, exc_message, exc_module } = exceptionToMeta(info)
  return { exc_type, exc_message: Tuple.from(exc_message.map(storable)), exc_module }
}

export function isExceptionInfo(value: unknown): value is ExceptionInfo {
  return typeof value === 'object' && value !== null && 'excType' in value && 'excMessage' in value
}

/** An argument without a stored form becomes its text, as in Python: a failure is never lost to its arguments. */
function storable(value: unknown): unknown {
  try {
    assertStorable(value)
    return value
  } catch {
    return showValue(value)
  }
}
