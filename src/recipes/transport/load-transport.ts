import type { Transport } from './transport.ts'
import { type OpenTransportOptions, sqsOptions, withSite } from './transport-choice.ts'

type OpenTransport = (options: OpenTransportOptions) => Transport

/** As openTransport, with nothing loaded but that transport: a command starts sooner. */
export async function loadTransport(name: string): Promise<OpenTransport> {
  switch (name) {
    case 'PikaTransport': {
      const { PikaTransport } = await import('./pika/pika-transport.ts')
      return (options) => new PikaTransport(withSite(options))
    }
    case 'SqsTransport': {
      const { SqsTransport } = await import('./sqs/sqs-transport.ts')
      return (options) => new SqsTransport(sqsOptions(options))
    }
    case 'OfflineTransport': {
      const { OfflineTransport } = await import('./offline-transport.ts')
      return ({ log }) => new OfflineTransport(log === undefined ? {} : { log })
    }
    default: {
      const { openTransport } = await import('./open-transport.ts')
      return (options) => openTransport(name, options)
    }
  }
}
