import type { MessageProperties, Route } from '../../../protocol/message.ts'
import { type DeathReason, expiresInCircles, withDeath } from '../../dead-letters/death-history.ts'
import { readTable } from '../../headers/read-table.ts'
import { encodeTable } from '../../headers/write-table.ts'
import type { StoredMessage } from './stored-message.ts'

/** The message as a dead-letter exchange gets it; undefined where it would only go round in a circle. */
export function deadLetter(
  stored: StoredMessage,
  queue: string,
  reason: DeathReason,
): StoredMessage | undefined {
  const former = readTable(stored.headers.subarray(4))
  if (reason === 'expired' && expiresInCircles(former, queue)) return undefined
  const headers = withDeath(former, { queue, reason, route: stored.route })
  return {
    ...stored,
    headers: encodeTable(headers),
    properties: withoutExpiration(stored.properties),
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
