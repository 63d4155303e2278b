import { EventEmitter } from 'node:events'
import { stat } from 'node:fs'
import type { ChannelModel } from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { sleep } from '../../../src/async/sleep.ts'
import type { AmqpConnection } from '../../../src/brokers/amqp/connecting/connection.ts'
import { AmqpPublisher } from '../../../src/brokers/amqp/sending/amqp-publisher.ts'
import type { BrokerError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/logger.ts'

const MESSAGE = { headers: {}, properties: {}, body: Buffer.from('x') }
const ROUTE = { exchange: '', routingKey: 'work' }

type Confirm = (error: unknown) => void

test('of very many publishes at once a bounded number is on its way, and none is overdue while confirms come', async () => {
  const { publisher, server } = await publishing()
  // Each is on its way for the time of four confirms; all together take longer than the deadline.
  const published = Array.from({ length: 12_000 }, () =>
    publisher.publish(MESSAGE, ROUTE, { deadlineMs: 500 }),
  )
  const confirming = (async () => {
    while (server.confirmed < published.length) {
      expect(server.unconfirmed.length).toBeLessThanOrEqual(2_000)
      server.confirm(500)
      await sleep(30)
    }
  })()
  await Promise.all([confirming, ...published])
})

test('publishes are given up once nothing has been confirmed for their deadline, those in line as well', async () => {
  const { publisher, server } = await publishing()
  const published = Array.from({ length: 3_000 }, () =>
    publisher.publish(MESSAGE, ROUTE, { deadlineMs: 100 }),
  )
  const outcomes = await Promise.allSettled(published)
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  expect(server.unconfirmed.length).toBeGreaterThan(0)
})

test('the time in which this process was busy does not count against a publish', async () => {
  const { publisher, server } = await publishing()
  const published = publisher.publish(MESSAGE, ROUTE, { deadlineMs: 150 })
  await sleep(20)
  // It is read from the socket once the event loop turns again.
  stat('.', () => server.confirm(1))
  const busyUntil = performance.now() + 400
  while (performance.now() < busyUntil);
  await published
})

test('a publish that is made while the deadline of another one passes is given up, too', async () => {
  const { publisher } = await publishing()
  const startedAt = performance.now()
  const publish = async () =>
    publisher.publish(MESSAGE, ROUTE, { deadlineMs: 100 }).catch((error: BrokerError) => error.code)
  const given = [publish()]
  // Its timer and the one of the deadline are due in the same turn of the event loop, the deadline's first.
  setTimeout(() => given.push(publish()), 115)
  await sleep(50)
  while (performance.now() < startedAt + 130);
  await sleep(0)
  expect(given).toHaveLength(2)
  const ends = await Promise.race([Promise.all(given), sleep(2_000)])
  expect(ends).toEqual(['PUBLISH_UNCONFIRMED', 'PUBLISH_UNCONFIRMED'])
})

async function publishing() {
  const server = new ConfirmingServer()
  const connection = { isOpen: true, isAlive: () => false, lastFailure: undefined }
  const publisher = new AmqpPublisher({
    safeUrl: 'amqp://here',
    log: silentLogger,
    connection: connection as unknown as AmqpConnection, // the three fields that are read
  })
  const model = { createConfirmChannel: async () => server.channel }
  await publisher.attach(model as unknown as ChannelModel) // the one method that is used
  onTestFinished(() => publisher.close())
  return { publisher, server }
}

/** Confirms when it is asked to. */
class ConfirmingServer {
  readonly unconfirmed: Confirm[] = []
  confirmed = 0
  readonly channel = Object.assign(new EventEmitter(), {
    publish: (...args: readonly unknown[]) => {
      this.unconfirmed.push(args[4] as Confirm) // the last parameter of the driver's publish
      return true
    },
  })

  confirm(count: number): void {
    for (const done of this.unconfirmed.splice(0, count)) {
      this.confirmed += 1
      done(null)
    }
  }
}
