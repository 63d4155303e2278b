import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { Broker, Delivery } from '../../src/brokers/broker.ts'
import { openBroker } from '../../src/brokers/open-broker.ts'
import { durableExchange, durableQueue } from '../../src/protocol/routing/topology.ts'
import { PikaTransport } from '../../src/recipes/index.ts'
import { freshVhost, type Vhost } from './rabbitmq.ts'
import { waitFor } from './wait-for.ts'

/** A virtual host laid out as Zocalo's: quorum queues that dead-letter after two redeliveries, and their fan-outs. */
export interface Site {
  readonly vhost: Vhost
  readonly broker: Broker
  readonly options: ReturnType<typeof optionsOf>
  open(): PikaTransport
  queue(name?: string, kind?: 'quorum' | 'classic'): Promise<string>
  topic(name?: string): Promise<string>
  /** Takes what waits in a queue, until there are so many. */
  messages(queue: string, count: number): Promise<Delivery['message'][]>
}

export async function zocaloSite(shared?: Vhost): Promise<Site> {
  const vhost = shared ?? (await freshVhost())
  const broker = openBroker({ url: vhost.url })
  onTestFinished(() => broker.close())
  const options = optionsOf(vhost)
  const topic = async (name = `t.${randomUUID()}`) => {
    const exchanges = [durableExchange(name, 'fanout')]
    await broker.declare({ exchanges, queues: [], bindings: [] })
    return name
  }
  const queue = async (
    name = `q.${randomUUID()}`,
    kind: 'quorum' | 'classic' = 'quorum',
  ): Promise<string> => {
    const args = {
      'x-queue-type': kind,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': `dlq.${name}`,
      ...(kind === 'quorum' && { 'x-delivery-limit': 2 }),
    }
    const queues = [durableQueue(`dlq.${name}`), durableQueue(name, args)]
    const exchanges = [durableExchange('delayed', 'direct')]
    const bindings = [{ exchange: 'delayed', queue: name, routingKey: name }]
    await broker.declare({ exchanges, queues, bindings })
    return name
  }
  return {
    vhost,
    broker,
    options,
    open: () => {
      const transport = new PikaTransport(options)
      onTestFinished(() => transport.disconnect())
      return transport
    },
    queue,
    topic,
    messages: async (name, count) => {
      const taken: Delivery['message'][] = []
      await waitFor(`${count} messages in ${name}`, async () => {
        for (let next = await broker.get(name); next; next = await broker.get(name)) {
          taken.push(next.message)
          await next.ack()
        }
        return taken.length >= count
      })
      return taken
    },
  }
}

function optionsOf({ url }: Vhost) {
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname,
    port: port === '' ? 5672 : Number(port),
    username: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
  }
}
