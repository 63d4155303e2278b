import type { Entry } from '../block/entry.ts'
import type { Lane } from '../parts/lane.ts'
import { Operator } from '../parts/operator.ts'

/**
 * An operator that keeps messages until a result is ready. They are acknowledged with that result, so that none is lost
 * with the process; `holds` says how many it may keep, and sources are read so far ahead.
 */
export abstract class HoldingOperator extends Operator {
  abstract override readonly holds: number

  process(): never {
    throw new Error(`${this.name} works on the stream of messages, not on one`)
  }
}

/** Publishes one result of these messages; all of them share its fate. */
export async function publishHeld(
  lane: Lane,
  held: readonly Entry[],
  result: unknown,
): Promise<void> {
  const last = held.at(-1)
  if (last === undefined) return
  const before = held.slice(0, -1)
  for (const entry of before) lane.hold(entry)
  last.carry(before)
  lane.contextOf(last)
  await lane.publish(result, last)
  await lane.done(last)
}

/** The next message that can be read; undefined once there are no more, 'late' once `ms` have passed. */
export async function nextReadable(lane: Lane, ms?: number): Promise<Entry | undefined | 'late'> {
  const endsAt = performance.now() + (ms ?? 0)
  for (;;) {
    const entry =
      lane.take() ??
      (ms === undefined ? await lane.next() : await lane.nextWithin(endsAt - performance.now()))
    if (entry === undefined || entry === 'late') return entry
    if (entry.received.unreadable === undefined) return entry
    await lane.unreadable(entry)
  }
}
