import { featuresOf } from '../../brokers/features.ts'
import type { OpenBrokerOptions } from '../../brokers/open-broker.ts'
import type { Config } from '../../config/config.ts'
import { sqsDefaults } from '../../config/derive.ts'
import type { Logger } from '../../logger.ts'
import { claimsOf } from './postgres-claims.ts'

/** How the broker of a config is opened: its urls, and what it says of connections. */
export function brokerOptions(
  config: Config,
  logger: Logger,
  urls: readonly string[] = config.brokerUrls,
): OpenBrokerOptions {
  const seconds = config.broker_connection_timeout
  // Celery's own 4 seconds are for one try of many; ours are for all tries of the first connection.
  const isGiven = config.has('broker_connection_timeout') && seconds !== null && seconds > 0
  return {
    url: urls.join(';'),
    failoverStrategy: config.broker_failover_strategy ?? undefined,
    logger,
    connectionName: 'celery-toolbox',
    heartbeatSeconds: config.broker_heartbeat ?? 0,
    ssl: config.broker_use_ssl ?? false,
    loginMethod: config.broker_login_method ?? undefined,
    transportOptions: transportOptions(config, urls),
    claims: isSqs(urls) ? claimsOf(config, logger) : undefined,
    ...(isGiven ? { connectTimeoutMs: seconds * 1_000 } : {}),
  }
}

/** The defaults are those of SQS, where given ones are merged over them; elsewhere only given ones count. */
function transportOptions(
  config: Config,
  urls: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const areGiven = config.source('broker_transport_options') !== 'derived'
  const given = areGiven ? config.broker_transport_options : undefined
  return isSqs(urls) ? { ...sqsDefaults(config.QUEUE_PREFIX), ...given } : given
}

function isSqs([url]: readonly string[]): boolean {
  return url !== undefined && featuresOf(url).leases
}
