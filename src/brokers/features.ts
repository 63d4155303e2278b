/** What a kind of broker can do beyond the contract. Ask for one of these, never for the kind. */
export interface BrokerFeatures {
  /** Workers have mailboxes that disappear with their connection: remote control. */
  readonly mailboxes: boolean
  /** Messages outlive this process, and other processes reach them. */
  readonly outlivesProcess: boolean
  /** Exchanges bound to exchanges, queues with a time to live and dead letters: Celery's native delayed delivery. */
  readonly delayedExchanges: boolean
  /** Queues with `x-queue-type: quorum` are other queues than the rest. */
  readonly quorumQueues: boolean
  /** An HTTP API tells of its connections and consumers. */
  readonly managementApi: boolean
  /** The longest that `PublishOptions.delayMs` may be; 0 where there is no such delay. */
  readonly longestDelayMs: number
  /** `PublishOptions.groupKey` keeps the messages of one group in order. */
  readonly groups: boolean
  /** `PublishOptions.dedupKey` lets one of several equal messages through. */
  readonly deduplication: boolean
}

export const AMQP_FEATURES: BrokerFeatures = {
  mailboxes: true,
  outlivesProcess: true,
  delayedExchanges: true,
  quorumQueues: true,
  managementApi: true,
  longestDelayMs: 0,
  groups: false,
  deduplication: false,
}

export const MEMORY_FEATURES: BrokerFeatures = {
  ...AMQP_FEATURES,
  outlivesProcess: false,
  quorumQueues: false,
  managementApi: false,
}

const NONE: BrokerFeatures = {
  mailboxes: false,
  outlivesProcess: true,
  delayedExchanges: false,
  quorumQueues: false,
  managementApi: false,
  longestDelayMs: 0,
  groups: false,
  deduplication: false,
}

/** Those of the broker that a url leads to, before it is opened. */
export function featuresOf(url: string): BrokerFeatures {
  const scheme = url.split(':', 1)[0]?.toLowerCase()
  if (scheme === 'amqp' || scheme === 'amqps') return AMQP_FEATURES
  return scheme === 'memory' ? MEMORY_FEATURES : NONE
}
