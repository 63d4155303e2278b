import { Semaphore } from '../async/semaphore.ts'
import { DECODE_MS, type MessageLimits, TooSlow } from './limits.ts'

/** Nearly every body is expanded and read within this time. */
export const QUICK_MS = 2_000

/** Each may take as much memory as a message may. */
const QUICK = new Semaphore(2)
const SLOW = new Semaphore(1)

/**
 * Reads a body that is compressed or large when its turn has come. One that takes long makes room for the others: it is read
 * again from its beginning, with more time, one such at a time.
 */
export async function inTurn<T>(
  limits: MessageLimits,
  read: (limits: MessageLimits) => Promise<T>,
): Promise<T> {
  try {
    return await QUICK.run(() => read({ ...limits, withinMs: QUICK_MS }))
  } catch (error) {
    if (!(error instanceof TooSlow)) throw error
    return await SLOW.run(() => read({ ...limits, withinMs: DECODE_MS }))
  }
}
