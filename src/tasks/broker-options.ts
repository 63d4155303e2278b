import type { OpenBrokerOptions } from '../brokers/open-broker.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logger.ts'

/** How the broker of a config is opened: its urls, and what it says of connections. */
export function brokerOptions(config: Config, logger: Logger): OpenBrokerOptions {
  const seconds = config.broker_connection_timeout
  // Celery's own 4 seconds are for one try of many; ours are for all tries of the first connection.
  const isGiven = config.has('broker_connection_timeout') && seconds !== null && seconds > 0
  return {
    url: config.brokerUrls.join(';'),
    failoverStrategy: config.broker_failover_strategy ?? undefined,
    logger,
    connectionName: 'celery-toolbox',
    ...(isGiven ? { connectTimeoutMs: seconds * 1_000 } : {}),
  }
}
