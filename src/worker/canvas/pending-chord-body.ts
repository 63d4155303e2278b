import { decodeJson, encodeJson } from '../../codecs/json/json.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { safeUrl } from '../../safe-url.ts'
import type { App } from '../../tasks/app/app.ts'
import type { Caller } from '../../tasks/calls/current-request.ts'

/** A chord's body, as the worker of its last member leaves it with the results until it is published. */
export interface PendingChordBody {
  readonly body: SignatureDict
  /** The last member, of which the body is a child. */
  readonly caller: Caller
}

/** Null where it has no form in JSON: then no other worker can start it. */
export function leaveBody(app: App, { body, caller }: PendingChordBody): string | null {
  const { id, rootId, priority } = caller
  try {
    return encodeJson({ broker: placeOf(app), body, caller: { id, rootId, priority } })
  } catch {
    return null
  }
}

/** Undefined where it was left for another broker: apps that share a result backend may have one each. */
export function readLeftBody(app: App, text: string): PendingChordBody | undefined {
  const left = decodeJson(text, { keepFloats: true })
  if (!(isRecord(left) && isRecord(left.caller)) || left.broker !== placeOf(app)) return undefined
  const { id, rootId, priority } = left.caller
  if (typeof id !== 'string') return undefined
  return {
    body: readSignature(left.body, 'the body of a chord'),
    caller: {
      id,
      rootId: typeof rootId === 'string' ? rootId : null,
      priority: typeof priority === 'number' ? priority : null,
    },
  }
}

function placeOf(app: App): string {
  return safeUrl(app.config.brokerUrl)
}
