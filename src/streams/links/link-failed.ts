import { StreamError } from '../../errors.ts'
import { textOfError } from '../../text-of-error.ts'

/** `problem` names the address, file or server that cannot be opened. */
export function linkFailed(problem: string, cause: unknown): StreamError {
  const why = textOfError(cause)
  return new StreamError('STREAM_LINK_FAILED', `${problem}: ${why}`, { cause })
}
