import type { MessageProperties, Route } from '../../protocol/message.ts'
import { readTable } from '../headers/read-table.ts'
import { encodeTable } from '../headers/write-table.ts'
import type { StoredMessage } from './stored-message.ts'

export type DeathReason = 'expired' | 'rejected'

interface Death extends Record<string, unknown> {
  readonly queue: string
  readonly reason: DeathReason
  readonly count: number
}

/**
 * The message as it goes on to a dead-letter exchange, its history in `x-death` as RabbitMQ keeps it; undefined
 * where it would only go round in a circle of queues it expires in.
 */
export function deadLetter(
  stored: StoredMessage,
  queue: string,
  reason: DeathReason,
): StoredMessage | undefined {
  const headers = readTable(stored.headers.subarray(4))
  const deaths = Array.isArray(headers['x-death']) ? (headers['x-death'] as Death[]) : []
  const former = deaths.find((death) => death.queue === queue && death.reason === reason)
  if (former !== undefined && deaths.every((death) => death.reason === 'expired')) return undefined
  const death = {
    count: (former?.count ?? 0) + 1,
    reason,
    queue,
    time: new Date(),
    exchange: stored.route.exchange,
    'routing-keys': [stored.route.routingKey],
  }
  const history = [death, ...deaths.filter((other) => other !== former)]
  return {
    ...stored,
    headers: encodeTable({ ...firstDeath(death), ...headers, 'x-death': history }),
    properties: withoutExpiration(stored.properties),
  }
}

function firstDeath(death: { reason: string; queue: string; exchange: string }): object {
  return {
    'x-first-death-reason': death.reason,
    'x-first-death-queue': death.queue,
    'x-first-death-exchange': death.exchange,
  }
}

// It died of it once; it must not die of it again wherever it goes now.
function withoutExpiration({ expiration: _, ...properties }: MessageProperties): MessageProperties {
  return properties
}

export function deadLetterRoute(
  stored: StoredMessage,
  exchange: string,
  routingKey: string | undefined,
): Route {
  return { exchange, routingKey: routingKey ?? stored.route.routingKey }
}
