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
  /** An HTTP API lists its connections and consumers. */
  readonly managementApi: boolean
  /** The longest that `PublishOptions.delayMs` may be; 0 where there is no such delay. */
  readonly longestDelayMs: number
  /** `PublishOptions.groupKey` keeps the messages of one group in order. */
  readonly groups: boolean
  /** `PublishOptions.dedupKey` lets one of several equal messages through. */
  readonly deduplication: boolean
  /** The exchanges live in the broker: all that publish share them, and a mandatory message may be refused. */
  readonly exchanges: boolean
  /** A header names further queues that get a copy, and is removed: RabbitMQ's BCC. */
  readonly blindCopies: boolean
  /** Messages of one publisher keep their order, and a requeued one has its old place. */
  readonly order: boolean
  /** Queues with `x-max-priority` deliver by the priority of the messages. */
  readonly priorities: boolean
  /** A message may have an expiration of its own. */
  readonly expiry: boolean
  /** Queues with a time limit, or with a dead-letter exchange that rejected messages go to. */
  readonly deadLetterArguments: boolean
  /** A queue or an exchange that is declared again with other arguments is refused. */
  readonly strictDeclare: boolean
  /** Queues that end with their connection. */
  readonly connectionQueues: boolean
  /** Deliveries belong to a connection: where it is lost, they come again at once. */
  readonly connectionDeliveries: boolean
  /** A delivery is held for a time, which the broker extends: once it is lost, another consumer may run it. */
  readonly leases: boolean
  /** Headers hold integers of 64 bits, bytes, dates, lists and tables. */
  readonly typedHeaders: boolean
  /** `depth` counts consumers. */
  readonly countsConsumers: boolean
  /** The largest body that it takes unless it is configured otherwise, in bytes. */
  readonly largestMessageBytes: number
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
  exchanges: true,
  blindCopies: true,
  order: true,
  priorities: true,
  expiry: true,
  deadLetterArguments: true,
  strictDeclare: true,
  connectionQueues: true,
  connectionDeliveries: true,
  leases: false,
  typedHeaders: true,
  countsConsumers: true,
  // As RabbitMQ 4 is set; 3 took 128 MiB.
  largestMessageBytes: 16 * 1024 * 1024,
}

export const MEMORY_FEATURES: BrokerFeatures = {
  ...AMQP_FEATURES,
  outlivesProcess: false,
  quorumQueues: false,
  managementApi: false,
  largestMessageBytes: Number.POSITIVE_INFINITY,
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
  exchanges: false,
  blindCopies: false,
  order: false,
  priorities: false,
  expiry: false,
  deadLetterArguments: false,
  strictDeclare: false,
  connectionQueues: false,
  connectionDeliveries: false,
  leases: false,
  typedHeaders: false,
  countsConsumers: false,
  largestMessageBytes: 0,
}

/** The longest that Amazon SQS keeps a message back. */
const LONGEST_SQS_DELAY_MS = 900_000

export const SQS_FEATURES: BrokerFeatures = {
  ...NONE,
  longestDelayMs: LONGEST_SQS_DELAY_MS,
  groups: true,
  deduplication: true,
  leases: true,
  // 1 MiB on the wire, where kombu's envelope is base64 in base64, and the headers take their part.
  largestMessageBytes: 540 * 1024,
}

/** Those of the broker that a url leads to, before it is opened. */
export function featuresOf(url: string): BrokerFeatures {
  const scheme = url.split(':', 1)[0]?.toLowerCase()
  if (scheme === 'amqp' || scheme === 'amqps') return AMQP_FEATURES
  if (scheme === 'sqs') return SQS_FEATURES
  return scheme === 'memory' ? MEMORY_FEATURES : NONE
}
