import { decodeJson, encodeJson } from '../../codecs/json/json.ts'
import { StorageFailure } from '../failures/flow-errors.ts'

/** Values as JSON with Celery's types, so that dates, bytes and long integers come back as they were. */
export function encoded(value: unknown): string {
  try {
    return encodeJson(value ?? null)
  } catch (cause) {
    throw new StorageFailure(`a value of the flow cannot be stored as JSON: ${textOf(cause)}`, {
      cause,
    })
  }
}

export function decoded(text: string | null): unknown {
  return text === null ? null : decodeJson(text)
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
