import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { MemoryBroker } from '../../src/brokers/memory/memory-broker.ts'
import type { CeleryEvent } from '../../src/protocol/events/events.ts'
import type { Message, Route } from '../../src/protocol/message.ts'
import { durableExchange, durableQueue } from '../../src/protocol/routing/topology.ts'
import { waitFor } from './wait-for.ts'

/** A memory broker with listeners to events, as one that carries them has. */
export class ListeningBroker extends MemoryBroker {
  override readonly carriesEvents = true
  /** What was heard, in order. */
  readonly heard: { readonly message: Message; readonly route: Route }[] = []

  /** Each with what it says, whether it came alone or with others. */
  get events(): readonly CeleryEvent[] {
    return this.heard.flatMap(({ message }) => eventsIn(message))
  }

  async until(what: string, isHeard: (event: CeleryEvent) => boolean): Promise<CeleryEvent> {
    return await waitFor(what, () => this.events.find(isHeard))
  }
}

export async function listeningBroker(exchange = 'celeryev'): Promise<ListeningBroker> {
  const broker = new ListeningBroker(randomUUID())
  await broker.declare({
    exchanges: [durableExchange(exchange, 'topic')],
    queues: [durableQueue('listener')],
    bindings: [{ exchange, queue: 'listener', routingKey: '#' }],
  })
  await broker.consume('listener', { prefetch: 0 }, (delivery) => {
    broker.heard.push(delivery)
    void delivery.ack()
  })
  onTestFinished(() => broker.close())
  return broker
}

export function eventsIn({ body }: Message): readonly CeleryEvent[] {
  // One event, or a list of them.
  return [JSON.parse(body.toString())].flat() as readonly CeleryEvent[]
}
