import { MonitorError } from '../../errors.ts'
import type { RecordedMessage } from '../queries/recorded-messages.ts'
import type { CallEdit } from './call-edit.ts'

/**
 * Refuses what is not kept as it was sent: a task must not run with "[redacted]" for a password. An edit helps where it
 * gives each value that was taken out; a body that is not kept holds more than arguments, so that nothing does.
 */
export function requireWhole(
  { altered }: RecordedMessage,
  taskId: string,
  edit: CallEdit = {},
): void {
  if (altered === null || altered === undefined) return
  if (altered.dropped !== undefined) {
    throw new MonitorError(
      'REPLAY_IMPOSSIBLE',
      `the body of task ${taskId} is not kept: it had ${altered.dropped} bytes (KEEP_LARGE_BODIES, REDACT_UNREADABLE)`,
    )
  }
  const missing = (altered.redacted ?? []).filter((path) => !isGiven(path, edit))
  if (missing.length === 0) return
  throw new MonitorError(
    'REPLAY_IMPOSSIBLE',
    `the message of task ${taskId} is kept without ${missing.join(', ')} (REDACT), expected an edit that gives it`,
  )
}

/** An edit replaces `args` as a whole, and `kwargs` one by one. */
function isGiven(path: string, { args, kwargs = {} }: CallEdit): boolean {
  if (SHOWN.has(path)) return true
  const [part, ...names] = path.replace(/^body\./, '').split('.')
  if (part === 'args') return args !== undefined
  const name = `${names.join('.')}.`
  return part === 'kwargs' && Object.keys(kwargs).some((given) => name.startsWith(`${given}.`))
}

/** Written anew with the arguments, or of the trace that the old call was in, which a replay is no part of. */
const SHOWN: ReadonlySet<string> = new Set([
  'headers.argsrepr',
  'headers.kwargsrepr',
  'headers.baggage',
  'headers.tracestate',
])
