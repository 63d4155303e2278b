import type { Headers } from './message.ts'

/** What a quorum queue adds to the headers of what it delivers; it differs from one delivery to the next. */
const COUNTERS = ['x-delivery-count', 'x-acquired-count']

export function hasDeliveryCounters(headers: Headers): boolean {
  return COUNTERS.some((name) => name in headers)
}

/** The headers as they were published. */
export function withoutDeliveryCounters(headers: Headers): Headers {
  if (!hasDeliveryCounters(headers)) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !COUNTERS.includes(name)))
}
