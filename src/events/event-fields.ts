import type { CeleryEvent } from '../protocol/events/events.ts'
import type { LamportClock } from './lamport-clock.ts'

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
    timestamp: nextSeconds(),
    ...fields,
    type,
  }
}

let lastMs = 0

/** No two the same: events within a millisecond stay in their order for readers that sort by time. */
export function nextSeconds(): number {
  const nowMs = Date.now()
  lastMs = lastMs >= nowMs && lastMs < nowMs + 1 ? lastMs + 0.001 : nowMs
  return Math.round(lastMs * 1_000) / 1_000_000
}

/** Whole hours, as Python has them. */
function hoursWest(): number {
  return Math.floor(new Date().getTimezoneOffset() / 60)
}
