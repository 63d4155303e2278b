import { BrokerError } from '../errors.ts'
import type { Broker, PublishOptions, RoutedMessage } from './broker.ts'
import { publishRefused } from './broker-errors.ts'
import type { BrokerFeatures } from './features.ts'

/** Undefined where the broker has confirmed the message. */
type PublishOutcome = BrokerError | undefined

/** Publishes all of them side by side, and says of each what became of it: the answer has their order. Never rejects. */
export async function publishEach(
  broker: Pick<Broker, 'publish' | 'safeUrl'>,
  messages: readonly RoutedMessage[],
  options?: PublishOptions,
): Promise<readonly PublishOutcome[]> {
  return await Promise.all(
    messages.map(async ({ message, route }): Promise<PublishOutcome> => {
      try {
        await broker.publish(message, route, options)
        return undefined
      } catch (cause) {
        if (cause instanceof BrokerError) return cause
        return publishRefused(route, broker.safeUrl, { reason: String(cause), cause })
      }
    }),
  )
}

/** What of the options this broker would pass over in silence; undefined where it does all that is asked. */
export function unsupportedOption(
  { delayMs = 0, groupKey, dedupKey }: PublishOptions,
  features: BrokerFeatures,
): string | undefined {
  if (delayMs > features.longestDelayMs) {
    return `delayMs is ${delayMs}, and the longest delay here is ${features.longestDelayMs} ms`
  }
  if (groupKey !== undefined && !features.groups) return 'groupKey has no effect here'
  return dedupKey !== undefined && !features.deduplication
    ? 'dedupKey has no effect here'
    : undefined
}
