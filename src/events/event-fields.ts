import type { CeleryEvent } from '../protocol/events.ts'
import type { LamportClock } from './mailbox-clock.ts'

/** What an event says beside who sent it and when. */
export type EventFields = Readonly<Record<string, unknown>>

/** An event with what all of them carry, https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference */
export function stampedEvent(
  type: string,
  fields: EventFields,
  { hostname, clock }: { readonly hostname: string; readonly clock: LamportClock },
): CeleryEvent {
  return {
    hostname,
    utcoffset: hoursWest(),
    pid: process.pid,
    clock: clock.forward(),
    timestamp: Date.now() / 1_000,
    ...fields,
    type,
  }
}

/** Whole hours, as Python has them. */
function hoursWest(): number {
  return Math.floor(new Date().getTimezoneOffset() / 60)
}
