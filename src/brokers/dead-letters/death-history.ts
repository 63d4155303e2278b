import type { Route } from '../../protocol/message.ts'

export type DeathReason = 'expired' | 'rejected' | 'delivery_limit'

interface Death extends Record<string, unknown> {
  readonly queue: string
  readonly reason: DeathReason
  readonly count: number
}

interface DeathPlace {
  readonly queue: string
  readonly reason: DeathReason
  /** How it came into the queue. */
  readonly route: Route
}

/**
 * Adds a death to the `x-death` header of a message, as RabbitMQ does when it dead-letters one. Undefined: the broker drops
 * the message, as it would only expire in the same queues again and again.
 */
export function withDeath(
  headers: Readonly<Record<string, unknown>>,
  { queue, reason, route }: DeathPlace,
): Readonly<Record<string, unknown>> | undefined {
  const deaths = Array.isArray(headers['x-death']) ? (headers['x-death'] as Death[]) : []
  const former = deaths.find((death) => death.queue === queue && death.reason === reason)
  if (former !== undefined && deaths.every((death) => death.reason === 'expired')) return undefined
  const death = {
    count: (former?.count ?? 0) + 1,
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
