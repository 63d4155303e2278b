import { TaskFailedError, ToolboxError } from '../../../errors.ts'
import { showValue } from '../../../protocol/show-value.ts'
import {
  Ignore,
  Reject,
  SoftTimeLimitExceeded,
  TaskRevoked,
  TimeLimitExceeded,
} from '../../../tasks/signals.ts'
import { MaxRetriesExceededError } from '../../retries/retries.ts'

/** An error as it crosses. */
interface ErrorAtBorder {
  readonly type: string
  readonly name: string | undefined
  readonly message: string
  readonly stack: string | undefined
  readonly cause: unknown
  /** What else it has: `code`, and what its class has given it. */
  readonly own: Readonly<Record<string, unknown>>
}

type ErrorType = abstract new (...args: never[]) => Error

/** The classes that both sides know; the first that an error is an instance of counts. */
const TYPES: readonly ErrorType[] = [
  SoftTimeLimitExceeded,
  TimeLimitExceeded,
  MaxRetriesExceededError,
  TaskRevoked,
  Ignore,
  Reject,
  TaskFailedError,
  ToolboxError,
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  Error,
]

const STANDARD_KEYS = new Set(['name', 'message', 'stack', 'cause'])

/** An error may refuse to be looked at, by a getter that throws: then that part of it is left out. */
export function errorAtBorder(error: Error): ErrorAtBorder {
  const own = Object.keys(error).filter((key) => !STANDARD_KEYS.has(key))
  return {
    type: TYPES.find((type) => error instanceof type)?.name ?? 'Error',
    name: textAt(error, 'name'),
    message: textAt(error, 'message') ?? 'an error that cannot be read',
    stack: textAt(error, 'stack'),
    cause: read(error, 'cause'),
    own: Object.fromEntries(own.map((key) => [key, read(error, key)])),
  }
}

/** An instance of the same class where both sides know it, else an Error of the same name. */
export function errorFromBorder(crossed: ErrorAtBorder): Error {
  const { type, name, message, stack, cause, own } = crossed
  const error = new Error(message, cause === undefined ? {} : { cause })
  const known = TYPES.find((candidate) => candidate.name === type)
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype)
  for (const [key, value] of Object.entries({ name, stack })) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
  return Object.assign(error, own)
}

/** A name that is no text would make Node throw where it puts a stack together. */
function textAt(error: Error, key: string): string | undefined {
  const value = read(error, key)
  return value === undefined || typeof value === 'string' ? value : showValue(value)
}

function read(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key] // an object can be asked for anything
  } catch {
    return undefined // it refuses
  }
}
