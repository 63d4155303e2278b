import type { Channel } from 'amqplib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AckWindow } from '../../../src/brokers/amqp/receiving/ack-window.ts'

type How = 'ack' | 'reject' | 'requeue'
type Step = 'deliver' | 'flush' | { readonly how: How; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant('deliver' as const),
  fc.constant('flush' as const),
  fc.record({ how: fc.constantFrom<How[]>('ack', 'reject', 'requeue'), which: fc.nat(50) }),
)

test('acks in any order, of any deliveries, settle exactly those and no other, each once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.nat(20), (steps, prefetch) => {
      const server = new ServerChannel()
      const window = new AckWindow(server.channel, prefetch)
      const held: number[] = []
      const wanted = new Map<number, string>()
      const settle = (how: How, [tag]: readonly number[]): void => {
        if (tag === undefined) return
        wanted.set(tag, how)
        if (how === 'ack') window.ack(tag)
        else window.nack(tag, how === 'requeue')
      }
      for (const each of steps) {
        if (each === 'flush') window.flush()
        else if (each === 'deliver') held.push(server.deliver())
        else settle(each.how, held.splice(each.which % Math.max(1, held.length), 1))
      }
      window.flush()
      expect(server.settled).toEqual(wanted)
    }),
    { numRuns: 500 },
  )
})

test('a run of acks travels as one', () => {
  const server = new ServerChannel()
  const window = new AckWindow(server.channel, 0)
  const tags = Array.from({ length: 100 }, () => server.deliver())
  for (const tag of tags.reverse()) window.ack(tag)
  window.flush()
  expect(server.frames).toBe(1)
  expect(server.settled.size).toBe(100)
})

test('as the prefetch grows, longer runs of acks travel as one', () => {
  const server = new ServerChannel()
  const window = new AckWindow(server.channel, 16)
  const ackAll = (): void => {
    for (const tag of Array.from({ length: 96 }, () => server.deliver())) window.ack(tag)
    window.flush()
  }
  ackAll()
  expect(server.frames).toBe(12)
  window.resize(1_000)
  ackAll()
  expect(server.frames).toBe(13)
})

test('once the channel is gone, settling sends nothing', () => {
  const server = new ServerChannel()
  const window = new AckWindow(server.channel, 0)
  server.deliver()
  window.close()
  window.ack(1)
  window.nack(1, true)
  window.flush()
  expect(server.frames).toBe(0)
})

/** Settles as RabbitMQ does, and objects to tags it does not know as RabbitMQ does. */
class ServerChannel {
  readonly settled = new Map<number, string>()
  frames = 0
  readonly #open = new Set<number>()
  #lastTag = 0

  readonly channel = {
    ack: ({ fields }: { fields: { deliveryTag: number } }, allUpTo: boolean) =>
      this.#settle(fields.deliveryTag, allUpTo, 'ack'),
    nack: ({ fields }: { fields: { deliveryTag: number } }, allUpTo: boolean, requeue: boolean) =>
      this.#settle(fields.deliveryTag, allUpTo, requeue ? 'requeue' : 'reject'),
  } as unknown as Channel // the two methods that are used

  deliver(): number {
    this.#lastTag += 1
    this.#open.add(this.#lastTag)
    return this.#lastTag
  }

  #settle(tag: number, allUpTo: boolean, how: string): void {
    this.frames += 1
    if (!this.#open.has(tag)) throw new Error(`PRECONDITION_FAILED - unknown delivery tag ${tag}`)
    const tags = allUpTo ? [...this.#open].filter((each) => each <= tag) : [tag]
    for (const each of tags) {
      this.#open.delete(each)
      this.settled.set(each, how)
    }
  }
}
