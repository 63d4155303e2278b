import { randomUUID } from 'node:crypto'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import { onTestFinished } from 'vitest'
import { sqsQueueName } from '../../../src/brokers/sqs/queues/queue-name.ts'
import { SqsBroker } from '../../../src/brokers/sqs/sqs-broker.ts'

let starting: Promise<FauxqsServer> | undefined

/** One server for all tests of a process: each test has a prefix of its own. */
export function fauxqs(): Promise<FauxqsServer> {
  starting ??= startFauxqs({ port: 0, logger: false, host: '127.0.0.1' })
  return starting
}

export interface SqsSpace {
  readonly server: FauxqsServer
  readonly prefix: string
  readonly url: string
  open(options?: Readonly<Record<string, unknown>>): SqsBroker
  /** The same through a proxy on this port. */
  openBehind(
    proxy: { readonly port: number },
    options?: Readonly<Record<string, unknown>>,
  ): SqsBroker
  /** The name of a queue on the server. */
  nameOf(queue: string): string
}

export async function sqsSpace(options: Readonly<Record<string, unknown>> = {}): Promise<SqsSpace> {
  const server = await fauxqs()
  const prefix = `t${randomUUID().slice(0, 8)}-`
  const openOn = (url: string, more: Readonly<Record<string, unknown>>): SqsBroker => {
    const transportOptions = {
      region: 'us-east-1',
      queue_name_prefix: prefix,
      wait_time_seconds: 1,
      visibility_timeout: 30,
      ...options,
      ...more,
    }
    // No other process asks these queues, so that a poll that is cut off swallows nothing.
    const broker = new SqsBroker({ url, transportOptions, drainMs: 0 })
    onTestFinished(() => broker.close())
    return broker
  }
  const url = urlOf(server)
  return {
    server,
    prefix,
    url,
    nameOf: (queue) => sqsQueueName(queue, prefix),
    open: (more = {}) => openOn(url, more),
    openBehind: (proxy, more = {}) => openOn(urlOf(proxy), more),
  }
}

function urlOf({ port }: { readonly port: number }): string {
  return `sqs://key:secret@127.0.0.1:${port}`
}
