import { decodeJson, encodeJson } from '../../codecs/json/json.ts'
import { textOfError } from '../../text-of-error.ts'
import { StorageFailure } from '../failures/flow-errors.ts'

/** Values as JSON with Celery's types, so that dates, bytes and long integers come back as they were. */
export function encoded(value: unknown): string {
  try {
    return encodeJson(value ?? null)
  } catch (cause) {
    throw new StorageFailure(
      `a value of the flow cannot be stored as JSON: ${textOfError(cause)}`,
      {
        cause,
      },
    )
  }
}

export function decoded(text: string | null): unknown {
  return text === null ? null : decodeJson(text)
}
