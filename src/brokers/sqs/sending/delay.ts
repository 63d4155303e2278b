import type { Message } from '../../../protocol/message.ts'
import { parseIso } from '../../../protocol/times.ts'
import { CopyFailure } from './outbox.ts'

/** The longest that SQS keeps a message back. */
export const LONGEST_DELAY_MS = 900_000

/** The longest that SQS keeps a message, and a day more. */
const KEPT_MS = 15 * 86_400_000

/** When no queue has the message any more, be it not due for long. */
export function keptUntil(message: Message): Date {
  return new Date(Date.now() + untilEta(message) + KEPT_MS)
}

interface AskedDelay {
  /** `PublishOptions.delayMs`. */
  readonly asked: number | undefined
  readonly isFifo: boolean
}

/**
 * How long the queue keeps a message back: as asked, or until its eta, be it a call, a retry or a replay. What is due later
 * comes after a quarter of an hour, and is sent on by the worker; a FIFO queue delays none, so there the worker waits.
 */
export function delayOf(message: Message, { asked, isFifo }: AskedDelay): number {
  if (isFifo && asked !== undefined && asked > 0) {
    throw new CopyFailure(`a FIFO queue delays no single message, and delayMs is ${asked}`, {
      isRefused: true,
      isUnfit: true,
    })
  }
  if (isFifo) return 0
  return asked ?? Math.min(LONGEST_DELAY_MS, untilEta(message))
}

function untilEta({ headers: { eta, task } }: Message): number {
  if (typeof eta !== 'string' || typeof task !== 'string') return 0
  try {
    return Math.max(0, parseIso(eta).getTime() + 1 - Date.now())
  } catch {
    // A worker says what is wrong with it.
    return 0
  }
}
