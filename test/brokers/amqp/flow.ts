import { setTimeout as wait } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { AmqpBroker } from '../../../src/brokers/amqp/amqp-broker.ts'
import type { Broker } from '../../../src/brokers/broker.ts'
import type { Message, Route } from '../../../src/protocol/message.ts'
import { durableExchange, durableQueue } from '../../../src/protocol/routing/topology.ts'

export const work = {
  exchanges: [durableExchange('tasks', 'topic')],
  queues: [durableQueue('work')],
  bindings: [{ exchange: 'tasks', queue: 'work', routingKey: 'work' }],
}
export const route: Route = { exchange: 'tasks', routingKey: 'work' }

/** A broker that the test closes. */
export function opened(url: string): Broker {
  const broker = new AmqpBroker({ url })
  onTestFinished(() => broker.close())
  return broker
}

/** Consumes and acks everything; what came may have come twice. */
export async function collecting(broker: Broker): Promise<Set<string>> {
  const received = new Set<string>()
  await broker.consume('work', { prefetch: 50 }, (delivery) => {
    received.add(delivery.message.body.toString())
    void delivery.ack()
  })
  return received
}

/** Publishes without a pause until it is stopped; answers what was confirmed. */
export function publishing(broker: Broker): { stop(): Promise<string[]> } {
  const confirmed: string[] = []
  let isOn = true
  const flow = (async () => {
    for (let batch = 0; isOn; batch += 1) {
      const texts = Array.from({ length: 20 }, (_, n) => `${batch}.${n}`)
      const messages = texts.map((each) => ({ message: text(each), route }))
      await broker.publishMany(messages, { deadlineMs: 60_000 })
      confirmed.push(...texts)
      await wait(5)
    }
  })()
  return {
    stop: async () => {
      isOn = false
      await flow
      return confirmed
    },
  }
}

export function text(body: string): Message {
  return { headers: {}, properties: { deliveryMode: 2 }, body: Buffer.from(body) }
}
