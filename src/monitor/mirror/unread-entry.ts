import { ToolboxError } from '../../errors.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { Privacy } from '../privacy/privacy.ts'
import { storableText } from '../stored/storable-text.ts'
import { type MessageEntry, messageEntry } from './message-entry.ts'
import type { Problem } from './types.ts'

/** What is kept of a message that could not be read. */
interface UnreadEntry {
  readonly message: Message
  readonly row: MessageEntry
  readonly problem: Problem
}

interface Arrived {
  /** What the delivery is a copy of. */
  readonly published: Message
  readonly route: Route
  readonly privacy: Privacy
  readonly receivedAtMs: number
}

/** Where there is something to redact, an unreadable message is kept only if that was asked for. */
export function unreadEntry(arrived: Arrived, problem: Problem): UnreadEntry {
  const { published: message, route, privacy, receivedAtMs } = arrived
  const row = messageEntry({ message, route }, receivedAtMs)
  if (!privacy.hasRules || privacy.keepsUnreadable) return { message, row, problem }
  const safe = privacy.unreadableMessage({ ...message, body: Buffer.alloc(0) })
  const kept = messageEntry({ message: safe.message, route }, receivedAtMs)
  const altered = { redacted: [...safe.redacted, 'body'], dropped: message.body.length }
  return {
    message: safe.message,
    // By its own digest, a copy of it is recognised all the same.
    row: { ...kept, digest: row.digest, altered },
    problem: { ...problem, reason: NOT_KEPT },
  }
}

const NOT_KEPT =
  'not shown, and the body not kept: what cannot be read may hold what REDACT names (REDACT_UNREADABLE)'

export function problemOf(cause: unknown): Problem {
  if (cause instanceof ToolboxError)
    return { code: cause.code, reason: storableText(cause.message) }
  return {
    code: 'MESSAGE_UNDECODABLE',
    reason: storableText(`reading it failed: ${String(cause)}`),
  }
}
