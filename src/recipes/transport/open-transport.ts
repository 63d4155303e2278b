import { TransportError } from '../../errors.ts'
import { MemoryTransport } from './memory-transport.ts'
import { OfflineTransport } from './offline-transport.ts'
import { PikaTransport } from './pika/pika-transport.ts'
import { SqsTransport } from './sqs/sqs-transport.ts'
import type { Transport } from './transport.ts'
import {
  type OpenTransportOptions,
  sqsOptions,
  TRANSPORT_NAMES,
  withSite,
} from './transport-choice.ts'

export type { OpenTransportOptions } from './transport-choice.ts'

/** The transport of this name; it connects when it is first used. */
export function openTransport(name: string, options: OpenTransportOptions = {}): Transport {
  switch (name) {
    case 'PikaTransport':
      return new PikaTransport(withSite(options))
    case 'OfflineTransport':
      return new OfflineTransport(options.log === undefined ? {} : { log: options.log })
    case 'SqsTransport':
      return new SqsTransport(sqsOptions(options))
    case 'MemoryTransport':
      return new MemoryTransport(options)
    default:
      throw new TransportError(
        `there is no transport "${name}"; expected ${TRANSPORT_NAMES.join(', ')}`,
      )
  }
}
