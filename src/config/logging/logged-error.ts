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
 * connections on theirs, with more than a log should hold; those stay out.
 */
export function loggedError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
  const logged: LoggedError = {
    type: error.name,
    message: maskText(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: maskText(error.stack) }),
    ...(cause === undefined || depth >= DEEPEST_CAUSE
      ? {}
      : { cause: loggedError(cause, depth + 1) }),
  }
  return logged
}
