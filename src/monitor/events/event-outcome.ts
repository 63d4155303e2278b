import { encodeJson } from '../../codecs/json/json.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { stateClass } from '../tasks/task-order.ts'

/** The outcome as a worker would have stored it; its event carries it where the monitor alone can read its events. */
interface EventOutcome {
  readonly state: string
  /** JSON text, as a result backend keeps it. */
  readonly stored: string
  readonly traceback: string | null
}

/** More than Celery's own table has room for. */
const LONGEST_STATE = 255

/** Null where the event carries none that can be read. */
export function outcomeOf(outcome: unknown, privacy: Privacy): EventOutcome | null {
  if (!isRecord(outcome)) return null
  const { status, result = null, traceback } = outcome
  if (typeof status !== 'string' || status.length > LONGEST_STATE) return null
  if (stateClass(status) === 0) return null
  return {
    state: status,
    stored: encodeJson(privacy.outcome(result)),
    traceback: typeof traceback === 'string' ? traceback : null,
  }
}
