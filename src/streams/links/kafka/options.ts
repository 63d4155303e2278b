import type * as Kafka from '@platformatic/kafka'
import { ConfigurationError } from '../../../errors.ts'
import { safeUrl } from '../../../safe-url.ts'
import type { Codec } from '../../codecs/codec.ts'
import { loadDriver } from '../load-driver.ts'

export interface KafkaOptions {
  /** Default raw(). */
  readonly codec?: Codec
  /** Shown in the broker's own tools. Default celery-toolbox. */
  readonly clientId?: string
  readonly sasl?: {
    readonly mechanism: 'PLAIN'
    readonly username: string
    readonly password: string
  }
  readonly tls?: object
}

/** `host:port`, or several. */
export type KafkaBrokers = string | readonly string[]

export function loadKafka(): Promise<typeof Kafka> {
  return loadDriver(() => import('@platformatic/kafka'), {
    name: '@platformatic/kafka@1',
    link: 'kafka',
  })
}

export function clientOptions(brokers: KafkaBrokers, { clientId, sasl, tls }: KafkaOptions) {
  return {
    clientId: clientId ?? 'celery-toolbox',
    bootstrapBrokers: [brokers].flat(),
    ...(sasl !== undefined && { sasl }),
    ...(tls !== undefined && { tls }),
  }
}

const TOPIC = /^[\w.-]{1,249}$/

export function checkKafka(kind: string, brokers: unknown, topic: unknown): void {
  for (const broker of [brokers].flat()) {
    if (typeof broker === 'string' && /^[^/\s]+:\d+$/.test(broker)) continue
    throw new ConfigurationError(
      `kafka ${kind}: the broker is ${JSON.stringify(typeof broker === 'string' ? safeUrl(broker) : broker)}, expected host:port, or a list of them`,
      { option: 'brokers' },
    )
  }
  if (typeof topic === 'string' && TOPIC.test(topic)) return
  throw new ConfigurationError(
    `kafka ${kind}: the topic is ${JSON.stringify(topic)}, expected a name`,
    { option: 'topic' },
  )
}
