import type { Broker } from '../../../brokers/broker.ts'
import { ConfigurationError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'

/** Whose broker carries the messages: an app, a broker, or the url of one. */
export type AmqpApp = { broker(): Broker } | Broker | string

interface OpenedBroker {
  readonly broker: Broker
  /** Closes what was opened here; an app's broker is the app's to close. */
  close(): Promise<void>
}

export async function brokerOf(app: AmqpApp, log: Logger): Promise<OpenedBroker> {
  if (typeof app === 'string') {
    // Half as large as all else of streams, and most blocks need none.
    const { openBroker } = await import('../../../brokers/open-broker.ts')
    const broker = openBroker({ url: app, logger: log, connectionName: 'celery-toolbox streams' })
    return { broker, close: () => broker.close() }
  }
  const broker = 'consume' in app ? app : app.broker()
  return { broker, close: async () => undefined }
}

export function checkApp(kind: string, app: unknown): void {
  const isApp =
    (typeof app === 'string' && /^(?:amqps?|memory):\/\//.test(app)) ||
    (typeof app === 'object' && app !== null && ('consume' in app || 'broker' in app))
  if (isApp) return
  throw new ConfigurationError(
    `amqp ${kind}: the first argument is ${typeof app === 'string' ? 'a text' : typeof app}, expected an app, a broker or an amqp:// url`,
  )
}
