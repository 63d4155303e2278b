import { decodeJson } from '../codecs/json/json.ts'
import { isRecord } from './field-readers.ts'
import type { Message } from './message.ts'

/** What is known of a message that may be no task message at all. */
interface MessageIdentity {
  readonly id: string | null
  readonly task: string | null
}

/** Longer bodies are not searched: an id for a log line is not worth their price. */
const LONGEST_SEARCHED = 65_536

/** The id and the task of a message, as far as they can be seen: for logs and quarantine. Never throws. */
export function identify(message: Message): MessageIdentity {
  try {
    const { headers, properties } = message
    const body = headers.task === undefined ? objectIn(message) : {}
    return {
      id: idText(headers.id) ?? idText(body.id) ?? idText(properties.correlationId),
      task: idText(headers.task) ?? idText(body.task),
    }
  } catch {
    // The caller has reported already why it cannot be read.
    return { id: null, task: null }
  }
}

/** The body of a protocol 1 message; an empty object where it is none. */
function objectIn({ body, properties }: Message): Readonly<Record<string, unknown>> {
  if (properties.contentType !== 'application/json' || body.length > LONGEST_SEARCHED) return {}
  try {
    const value = decodeJson(body.toString())
    return isRecord(value) ? value : {}
  } catch {
    // No JSON after all.
    return {}
  }
}

function idText(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null
}
