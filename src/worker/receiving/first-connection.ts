import { aborted } from '../../async/aborted.ts'
import { sleep } from '../../async/sleep.ts'
import type { Broker } from '../../brokers/broker.ts'
import { BrokerError } from '../../errors.ts'
import type { App } from '../../tasks/app/app.ts'

const PAUSE_MS = 1_000

/**
 * The broker, once it is there: a worker that is started before its broker waits for it, as Celery's does
 * (broker_connection_retry_on_startup, broker_connection_max_retries). Throws at once for urls and options that are wrong.
 */
export async function firstConnection(app: App, signal: AbortSignal): Promise<Broker> {
  const { config, logger } = app
  const isPatient = config.broker_connection_retry_on_startup ?? config.broker_connection_retry
  const most = config.broker_connection_max_retries ?? Number.POSITIVE_INFINITY
  app.readingBroker() // opens what is read from and written to; waiting would not mend a wrong url or option
  for (let attempt = 1; ; attempt += 1) {
    try {
      const ready = app.readyBroker()
      await Promise.race([ready, aborted(signal)])
      signal.throwIfAborted()
      return await ready
    } catch (error) {
      const isAway = error instanceof BrokerError && error.code === 'BROKER_UNREACHABLE'
      if (!isAway || !isPatient || attempt > most || signal.aborted) throw error
      logger.warn({ attempt, err: error }, 'broker unreachable at the start, trying again')
      await sleep(PAUSE_MS, signal)
    }
  }
}
