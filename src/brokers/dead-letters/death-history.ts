import { asNumber, isRecord, type Source } from '../../protocol/field-readers.ts'
import type { Route } from '../../protocol/message.ts'

export type DeathReason = 'expired' | 'rejected' | 'delivery_limit'

interface DeathPlace {
  readonly queue: string
  readonly reason: DeathReason
  /** How it came into the queue. */
  readonly route: Route
}

/** Adds a death to the `x-death` header of a message, as RabbitMQ does when it dead-letters one. */
export function withDeath(
  headers: Readonly<Record<string, unknown>>,
  { queue, reason, route }: DeathPlace,
): Readonly<Record<string, unknown>> {
  const deaths = deathsIn(headers)
  const former = deaths.find((death) => death.queue === queue && death.reason === reason)
  const death = {
    count: (asNumber(former?.count) ?? 0) + 1,
    reason,
    queue,
    time: new Date(),
    exchange: route.exchange,
    'routing-keys': [route.routingKey],
  }
  const history = [death, ...deaths.filter((other) => other !== former)]
  return {
    'x-first-death-reason': reason,
    'x-first-death-queue': queue,
    'x-first-death-exchange': route.exchange,
    ...headers,
    'x-death': history,
  }
}

/**
 * Whether a message that expires in this queue goes round for ever: it has expired here before, and each of its deaths was an
 * expiry. RabbitMQ drops such a message.
 */
export function expiresInCircles(
  headers: Readonly<Record<string, unknown>>,
  queue: string,
): boolean {
  const deaths = deathsIn(headers)
  return (
    deaths.some((death) => death.queue === queue) &&
    deaths.every((death) => death.reason === 'expired')
  )
}

/** Senders may write the header themselves, so entries that are no records are left out. */
function deathsIn(headers: Readonly<Record<string, unknown>>): readonly Source[] {
  const deaths: unknown = headers['x-death']
  return Array.isArray(deaths) ? deaths.filter(isRecord) : []
}
