import type { Logger } from '../../../logger.ts'
import type { Block } from '../../site/block-fields.ts'

/** Where Amazon SQS is. */
export interface SqsTransportOptions {
  /** `sqs://KEY:SECRET@HOST:PORT`; `sqs://` is Amazon's own, with the credentials that the SDK finds. */
  readonly url?: string | undefined
  /** Celery's broker_transport_options: `region`, `queue_name_prefix`, `visibility_timeout` and the like. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
  /** How often a message is delivered again before it goes to `dlq.<queue>`. Default 5. */
  readonly deliveryLimit?: number | undefined
  readonly log?: Logger | undefined
}

/** The site's block `sqs` gives what is not given: `url`, `delivery_limit`; its other fields are transport options. */
export function withSqsBlock(given: SqsTransportOptions, block: Block): SqsTransportOptions {
  const { plugin: _plugin, url, delivery_limit: limit, ...options } = block
  return {
    log: given.log,
    url: given.url ?? (url === undefined ? undefined : String(url)),
    deliveryLimit: given.deliveryLimit ?? (limit === undefined ? undefined : Number(limit)),
    transportOptions: { ...options, ...given.transportOptions },
  }
}
