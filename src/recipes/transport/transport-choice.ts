import type { Logger } from '../../logger.ts'
import type { SiteConfig } from '../site/site-config.ts'
import type { PikaOptions } from './pika/pika-options.ts'
import { type SqsTransportOptions, withSqsBlock } from './sqs/sqs-options.ts'

export interface OpenTransportOptions extends PikaOptions {
  /** Its block `pika` or `sqs` gives what these options leave out. */
  readonly config?: SiteConfig | undefined
  readonly log?: Logger | undefined
  /** Of the memory transport: those of one name share their queues. */
  readonly name?: string | undefined
  /** Of SQS: Celery's broker_transport_options. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
  /** Of SQS and the memory: how often a message is delivered again before it goes to `dlq.<queue>`. */
  readonly deliveryLimit?: number | undefined
}

export const TRANSPORT_NAMES = [
  'PikaTransport',
  'OfflineTransport',
  'MemoryTransport',
  'SqsTransport',
] as const

const DEFAULT_TRANSPORT = 'PikaTransport'

/** The transport that a site names: storage first, as in Zocalo, then its block `transport`. */
export function defaultTransport(config: SiteConfig): string {
  const stored = config.plugin('storage')?.['zocalo.default_transport']
  if (TRANSPORT_NAMES.some((name) => name === stored)) return String(stored)
  return String(config.block('transport')?.default ?? DEFAULT_TRANSPORT)
}

/** Those of the site are for what was not given. */
export function withSite({ config, ...options }: OpenTransportOptions): PikaOptions {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const { plugin: _plugin, ...block } = config?.block('pika') ?? {}
  return { ...block, ...given }
}

export function sqsOptions({ config, ...given }: OpenTransportOptions): SqsTransportOptions {
  return withSqsBlock(given, config?.block('sqs') ?? {})
}
