import { isError } from '../../as-error.ts'
import { showValue } from '../../protocol/show-value.ts'
import { isTextless } from '../../text-of-error.ts'
import { maskText } from '../masking.ts'

/** How an error stands in a log. */
interface LoggedError {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: unknown
}

const DEEPEST_CAUSE = 5

/**
 * An error as a log may show it: what it is and says, where it was thrown and what caused it. Drivers hang whole
 * connections on theirs, with more than a log should hold; those stay out. Never throws: tasks throw anything.
 */
export function loggedError(error: unknown, depth = 0): unknown {
  if (error === undefined || error === null) return error
  return isError(error) ? errorParts(error, depth) : shown(error)
}

/** The parts of an error as texts. */
export function errorParts(error: Error, depth = 0): LoggedError {
  const [name, message] = [field(error, 'name'), field(error, 'message')]
  const [code, cause] = [field(error, 'code'), field(error, 'cause')]
  const stack = isTextless(name) || isTextless(message) ? undefined : field(error, 'stack')
  return {
    type: shown(name),
    message: shown(message),
    ...(typeof code === 'string' ? { code: shown(code) } : {}),
    ...(stack === undefined ? {} : { stack: shown(stack) }),
    ...(cause === undefined || depth >= DEEPEST_CAUSE
      ? {}
      : { cause: loggedError(cause, depth + 1) }),
  }
}

/** A getter may throw. */
function field(error: Error, name: 'name' | 'message' | 'code' | 'stack' | 'cause'): unknown {
  try {
    return (error as Error & { readonly code?: unknown })[name]
  } catch {
    return '(cannot be read)'
  }
}

/** Without secrets, and cut; names and messages are texts by convention only. */
function shown(value: unknown): string {
  return maskText(typeof value === 'string' ? value : showValue(value))
}
