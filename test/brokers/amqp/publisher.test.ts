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

test('a publish waits on while the server confirms others, and not for ever', async () => {
  const { publisher, server } = await publishing()
  const startedAt = performance.now()
  const forgotten = publisher.publish(MESSAGE, ROUTE, { deadlineMs: 200 }).catch(codeOf)
  server.unconfirmed.splice(0)
  const others = (async () => {
    while (performance.now() < startedAt + 2_000) {
      const other = publisher.publish(MESSAGE, ROUTE, { deadlineMs: 200 })
      server.confirm(1)
      await other
      await sleep(20)
    }
  })()
  expect(await forgotten).toBe('PUBLISH_UNCONFIRMED')
  expect(performance.now() - startedAt).toBeGreaterThan(1_000)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
  await others
})

test('a publish waits on while a server that confirms nothing is seen to be at work', async () => {
  const { publisher, server, connection } = await publishing()
  connection.isAtWork = true
  const published = publisher.publish(MESSAGE, ROUTE, { deadlineMs: 200 })
  await sleep(700)
  server.confirm(1)
  await published
})

test('what a lost connection cut off has its whole deadline for the next one', async () => {
  const { publisher, server } = await publishing()
  const next = new ConfirmingServer()
  const published = publisher.publish(MESSAGE, ROUTE, { deadlineMs: 300 })
  await sleep(200)
  server.channel.emit('close')
  await sleep(200)
  await publisher.attach(modelOf(next))
  next.confirm(1)
  await published
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
  const publish = async () => publisher.publish(MESSAGE, ROUTE, { deadlineMs: 100 }).catch(codeOf)
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

function codeOf(error: BrokerError): string {
  return error.code
}

async function publishing() {
  const server = new ConfirmingServer()
  const connection = {
    isOpen: true,
    isAlive: () => false,
    lastFailure: undefined,
    isAtWork: false,
    isServerAtWork: async () => connection.isAtWork,
  }
  const publisher = new AmqpPublisher({
    safeUrl: 'amqp://here',
    log: silentLogger,
    connection: connection as unknown as AmqpConnection, // the fields that are read
  })
  await publisher.attach(modelOf(server))
  onTestFinished(() => publisher.close())
  return { publisher, server, connection }
}

function modelOf({ channel }: ConfirmingServer): ChannelModel {
  return { createConfirmChannel: async () => channel } as unknown as ChannelModel // the one method that is used
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
