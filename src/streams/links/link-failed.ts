import { StreamError } from '../../errors.ts'

/** `problem` names the address, file or server that cannot be opened. */
export function linkFailed(problem: string, cause: unknown): StreamError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StreamError('STREAM_LINK_FAILED', `${problem}: ${why}`, { cause })
}
