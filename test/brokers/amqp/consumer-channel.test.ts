import { EventEmitter } from 'node:events'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import { ConsumerChannel } from '../../../src/brokers/amqp/receiving/consumer-channel.ts'
import type { Delivery } from '../../../src/brokers/broker.ts'
import { silentLogger } from '../../../src/logger.ts'

const MEGABYTE = Buffer.alloc(1024 * 1024)

test('what comes once a consumer takes no more is put back, though its server has not answered yet', async () => {
  const { server, consumer, handedOut } = await opened(10)
  server.deliver(2)
  consumer.takeNoMore()
  server.deliver(3)
  expect(tagsOf(handedOut)).toEqual([1, 2])
  await consumer.stop()
  expect(server.putBack).toEqual([3, 4, 5])
})

test('a consumer that starts again takes again', async () => {
  const { server, consumer, handedOut } = await opened(10)
  consumer.takeNoMore()
  await consumer.stop()
  await consumer.start({ prefetch: 10, held: 0 })
  server.deliver(1)
  expect(tagsOf(handedOut)).toEqual([1])
})

test('while a lower prefetch takes hold, a few megabytes wait for room, and the others are put back', async () => {
  const { server, consumer, handedOut } = await opened(1_000)
  const answer = server.answersLate()
  const lowered = consumer.start({ prefetch: 1, held: 0 })
  server.deliver(101, MEGABYTE)
  expect(server.putBack).toEqual([])
  answer()
  await lowered
  expect(tagsOf(handedOut)).toEqual([1])
  const waiting = 101 - 1 - server.putBack.length
  expect(waiting).toBeGreaterThan(20)
  expect(waiting).toBeLessThan(40)
  for (let at = 0; at < handedOut.length; at += 1) await handedOut[at]?.ack()
  expect(handedOut).toHaveLength(waiting + 1)
})

test('what was too long to wait is put back as soon as there is room, and holds up no other', async () => {
  const { server, handedOut } = await opened(1)
  server.deliver(3, Buffer.alloc(40 * MEGABYTE.length))
  await handedOut[0]?.ack()
  expect(tagsOf(handedOut)).toEqual([1, 2])
  expect(server.putBack).toEqual([])
  await handedOut[1]?.ack()
  expect(server.putBack).toEqual([3])
  server.deliver(1)
  expect(tagsOf(handedOut)).toEqual([1, 2, 4])
})

async function opened(prefetch: number) {
  const server = new ServerChannel()
  const handedOut: Delivery[] = []
  const consumer = await ConsumerChannel.open(server.model, prefetch, {
    queue: 'work',
    consumerTag: undefined,
    consumerArguments: undefined,
    onDelivery: (delivery) => void handedOut.push(delivery),
    log: silentLogger,
    onCreditDue: () => undefined,
    onEnd: () => undefined,
  })
  await consumer.start({ prefetch, held: 0 })
  return { server, consumer, handedOut }
}

/** The server's side of a channel, as far as a consumer needs it. */
class ServerChannel extends EventEmitter {
  readonly connection = {}
  /** By their tags. */
  readonly putBack: number[] = []
  #lastTag = 0
  #consumers = 0
  #answer: Promise<void> = Promise.resolve()
  #onMessage: (message: ConsumeMessage) => void = () => undefined

  get model(): ChannelModel {
    return { createChannel: async () => this as unknown as Channel } as unknown as ChannelModel
  }

  /** Answers nothing until the function that it returns is called. */
  answersLate(): () => void {
    const { promise, resolve } = deferred()
    this.#answer = promise
    return resolve
  }

  deliver(count: number, content: Buffer = Buffer.from('x')): void {
    for (let at = 0; at < count; at += 1) {
      this.#lastTag += 1
      const fields = { deliveryTag: this.#lastTag, redelivered: false, exchange: '' }
      const routingKey = String(this.#lastTag)
      this.#onMessage({
        fields: { ...fields, routingKey, consumerTag: '' },
        properties: {} as ConsumeMessage['properties'],
        content,
      })
    }
  }

  async prefetch(): Promise<void> {
    await this.#answer
  }

  async consume(_queue: string, onMessage: (message: ConsumeMessage) => void) {
    await this.#answer
    this.#onMessage = onMessage
    this.#consumers += 1
    return { consumerTag: `consumer-${this.#consumers}` }
  }

  async cancel(): Promise<void> {
    await this.#answer
  }

  ack(): void {
    // What is acked is not looked at.
  }

  nack({ fields }: ConsumeMessage): void {
    this.putBack.push(fields.deliveryTag)
  }
}

function tagsOf(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(({ route }) => Number(route.routingKey))
}
