import { BrokerError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { AmqpBroker } from './amqp/amqp-broker.ts'
import type { AmqpTls } from './amqp/connecting/amqp-url.ts'
import type { PythonTls } from './amqp/connecting/python-tls.ts'
import type { Broker } from './broker.ts'
import type { Claims } from './claims.ts'
import type { FailoverStrategy } from './failover.ts'
import { MemoryBroker } from './memory/memory-broker.ts'
import { SqsBroker } from './sqs/sqs-broker.ts'

export interface OpenBrokerOptions {
  /**
   * `amqp://user:password@host:port/vhost`, `amqps://…`, `sqs://key:secret@host:port` or `memory://name`. Of RabbitMQ there may be several, with `;`
   * between them: where one cannot be reached, the next is used.
   */
  readonly url: string
  /** Which url is next: Celery's broker_failover_strategy. Default round-robin. */
  readonly failoverStrategy?: FailoverStrategy | undefined
  readonly logger?: Logger
  /** Shown in the broker's own tools. */
  readonly connectionName?: string
  /** How often both sides show that they are alive. Default 60; 0 is never. */
  readonly heartbeatSeconds?: number
  /** How long the first connection may take, tries included. Default 10000. */
  readonly connectTimeoutMs?: number
  /** Certificates for `amqps://`, as Node takes them. */
  readonly tls?: AmqpTls
  /** As Celery's broker_use_ssl: true, or py-amqp's options. With it nothing is sent to RabbitMQ without TLS. */
  readonly ssl?: PythonTls | undefined
  /** As Celery's broker_login_method: PLAIN (the default), AMQPLAIN or EXTERNAL. */
  readonly loginMethod?: string | undefined
  /** Where bodies are kept that are too large for SQS; closed with the broker. */
  readonly claims?: Claims | undefined
  /** As Celery's broker_transport_options. */
  readonly transportOptions?: Readonly<Record<string, unknown>> | undefined
}

/** The broker for a url, by its scheme; connects when it is first used. */
export function openBroker(options: OpenBrokerOptions): Broker {
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(options.url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'memory':
      return new MemoryBroker(memoryName(options.url), options.logger)
    case 'amqp':
    case 'amqps':
      return new AmqpBroker(options)
    case 'sqs':
      return new SqsBroker(options)
    default:
      throw new BrokerError(
        'BROKER_UNREACHABLE',
        `no broker for the scheme "${scheme ?? ''}" of ${safeUrl(options.url)}; expected sqs://, amqp://, amqps:// or memory://`,
      )
  }
}

function memoryName(url: string): string {
  const name = url.replace(/^memory:\/\//i, '').replace(/[?#].*$|\/+$/g, '')
  return name === '' ? 'default' : name
}
