import { encodeJson } from '../../codecs/json/json.ts'
import { PythonObject } from '../../codecs/values.ts'
import { TaskFailedError } from '../../errors.ts'
import { stackOfError, textOf } from '../../text-of-error.ts'
import { isRecord } from '../field-readers.ts'
import { showValue } from '../show-value.ts'
import type { ExceptionInfo } from './task-result.ts'

/** An exception as it stands in a stored result, https://docs.celeryq.dev/en/stable/internals/protocol.html */
interface ExceptionMeta {
  readonly exc_type: string
  readonly exc_message: readonly unknown[]
  readonly exc_module: string | null
}

const BUILTINS = 'builtins'
const UNKNOWN = 'Exception'

/** The type and text of a thrown value, as Python can read them. Never throws itself. */
export function exceptionInfo(error: unknown): ExceptionInfo {
  try {
    if (error instanceof TaskFailedError) return originalOf(error)
    if (error instanceof Error) return infoOf(nameOf(error), [shortened(textOf(error.message))])
    return infoOf('Error', [typeof error === 'string' ? shortened(error) : showValue(error)])
  } catch {
    // An error may refuse to be looked at, by a getter that throws.
    return infoOf('Error', ['an error that cannot be read'])
  }
}

/** Python makes a class of it. */
function nameOf(error: Error): string {
  const name: unknown = error.name
  return typeof name === 'string' && name !== '' ? name.slice(0, LONGEST_NAME) : 'Error'
}

const LONGEST_NAME = 1000

/** The stored form; arguments that JSON cannot hold become their text. */
export function exceptionToMeta(info: ExceptionInfo): ExceptionMeta {
  return {
    exc_type: info.excType,
    exc_message: info.excMessage.map(storable),
    exc_module: info.excModule,
  }
}

/** Reads a stored exception in any shape that was seen: an object, a pickled exception, a text, nothing. */
export function exceptionFromMeta(value: unknown): ExceptionInfo {
  if (value instanceof PythonObject) {
    return { excType: value.name, excModule: value.module, excMessage: [...value.args] }
  }
  if (isRecord(value)) return infoOfRecord(value)
  if (value === null || value === undefined) return infoOf(UNKNOWN, [])
  return infoOf(UNKNOWN, [typeof value === 'string' ? value : showValue(value)])
}

/** The stack of an error and of what caused it, as text: Python shows it as its traceback. Never throws. */
export function tracebackOf(error: unknown): string {
  try {
    return stackOf(error, DEEPEST_CAUSE)
  } catch {
    // As above.
    return exceptionInfo(error).excType
  }
}

const DEEPEST_CAUSE = 10

/** Of the text of an error, and of its traceback: these are copied into the result, an event, a log and the monitor's record. */
const LONGEST_TEXT = 1024 * 1024
const LONGEST_STACK = LONGEST_TEXT / (DEEPEST_CAUSE + 1)

function stackOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return `${showValue(error)} (thrown, but no error)`
  const own = ownStack(error)
  if (error.cause === undefined || error.cause === null || depth === 0) return own
  return `${own}\nCaused by: ${stackOf(error.cause, depth - 1)}`
}

function ownStack(error: Error): string {
  const written = stackOfError(error)
  const hasStack = typeof written === 'string' && written !== ''
  const stack = hasStack ? written : `${nameOf(error)}: ${textOf(error.message)}`
  const isOfAnother = error instanceof TaskFailedError && error.traceback
  return shortened(isOfAnother ? `${stack}\n${error.traceback}` : stack, LONGEST_STACK)
}

/** Without its middle: a stack ends with where the error was thrown. */
function shortened(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest) return text
  const half = Math.floor(longest / 2)
  const leftOut = text.length - 2 * half
  return `${text.slice(0, half)}… (${leftOut} characters are left out) …${text.slice(-half)}`
}

/** A task that lets another's failure pass fails with it, as in Python. */
function originalOf(error: TaskFailedError): ExceptionInfo {
  return { excType: error.excType, excModule: error.excModule, excMessage: error.excArgs }
}

function infoOf(excType: string, excMessage: readonly unknown[]): ExceptionInfo {
  return { excType, excModule: BUILTINS, excMessage }
}

function infoOfRecord(value: Readonly<Record<string, unknown>>): ExceptionInfo {
  const { exc_type: type, exc_module: module, exc_message: message } = value
  if (typeof type !== 'string') return infoOf(UNKNOWN, [showValue(value)])
  return {
    excType: type,
    excModule: typeof module === 'string' ? module : null,
    excMessage: argumentsOf(message),
  }
}

function argumentsOf(message: unknown): readonly unknown[] {
  if (message === undefined) return []
  return Array.isArray(message) ? [...message] : [message]
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return value
  try {
    encodeJson(value)
    return value
  } catch {
    return showValue(value)
  }
}
