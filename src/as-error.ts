import { textOfError } from './text-of-error.ts'

/** An error as it is; of anything else that was thrown, one with its text. Never throws itself. */
export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(textOfError(thrown))
}

/** False, too, where the type of what was thrown cannot be read: a revoked proxy. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false
  }
}
