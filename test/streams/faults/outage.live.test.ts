import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Pull } from 'zeromq'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { silentLogger } from '../../../src/logger.ts'
import {
  amqp,
  Block,
  operator,
  type PublisherLike,
  redis,
  zmq,
} from '../../../src/streams/index.ts'
import { freshVhost } from '../../support/rabbitmq.ts'
import { service } from '../../support/services.ts'
import { silenceable } from '../../support/silenceable.ts'
import { waitFor } from '../../support/wait-for.ts'

const same = operator((message: unknown) => message)
/** Slow enough to be cut off in the middle. */
const slow = operator(async (message: unknown) => {
  await sleep(2)
  return message
})
const MESSAGES = 200
const SLOW = { timeout: 120_000 }
const AWAY_MS = 5_000
/** What one block holds: its queue, and one at its operator. */
const HELD = { queue: { limit: 16 }, outlet: { limit: 16 } }

test(
  'a PULL that is away for 5 s holds back the queue: its deliveries stay there, and come in order, once',
  SLOW,
  async () => {
    const address = `ipc://${join(tmpdir(), `away-${randomUUID()}`)}`
    const away = await throughOutage(zmq.push(address))
    await sleep(AWAY_MS)
    expect(await away.ready()).toBeGreaterThanOrEqual(MESSAGES - 40)
    const pull = new Pull()
    onTestFinished(() => pull.close())
    await pull.bind(address)
    const heard: number[] = []
    while (heard.length < MESSAGES) heard.push(Number(await pull.receive()))
    expect(heard).toEqual(away.numbers)
    await away.ended()
  },
)

test(
  'a Redis that is away for 5 s is waited for: nothing is lost, order is kept',
  SLOW,
  async () => {
    const key = randomUUID()
    const way = await silenceable(service('REDIS_URL'), 6379)
    const admin = new Redis(service('REDIS_URL'))
    onTestFinished(() => admin.disconnect())
    const away = await throughOutage(redis.addStream(way.url, key), () => way.cut())
    await sleep(AWAY_MS)
    const written = await admin.xlen(key)
    expect((await away.ready()) + written).toBeGreaterThanOrEqual(MESSAGES - 40)
    expect(written).toBeLessThan(MESSAGES - 40)
    await way.restore()
    await away.ended()
    const numbers = (await admin.xrange(key, '-', '+')).map(([, fields]) => Number(fields[1]))
    // What was written without an answer is written again.
    expect([...new Set(numbers)]).toEqual(away.numbers)
  },
)

/** A block from a full queue to a publisher that is away, or is cut off once some have passed. */
async function throughOutage(publisher: PublisherLike, cut?: () => void) {
  const { url } = await freshVhost()
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  const numbers = Array.from({ length: MESSAGES }, (_, n) => n)
  await new Block('fill', same, {
    listeners: [numbers.map(String)],
    publishers: [amqp.publish(broker, 'in')],
  }).run()
  const block = new Block('through', slow, {
    listeners: [amqp.consume(url, 'in')],
    publishers: [publisher],
    logger: silentLogger,
    ...HELD,
  })
  onTestFinished(() => (block.isRunning ? block.stop({ graceMs: 0 }) : undefined))
  await block.start()
  if (cut === undefined) await waitFor('a full queue', () => block.stats.queue.messages > 0)
  else {
    await waitFor('some to pass', () => block.stats.published > 20)
    cut()
  }
  return {
    numbers,
    ready: async () => (await broker.depth('in')).messages,
    ended: async () => {
      await waitFor('all to pass', () => block.stats.published === MESSAGES, { deadlineMs: 60_000 })
      await block.stop()
      expect(block.stats).toMatchObject({ failed: 0, dropped: 0 })
      expect((await broker.depth('in')).messages).toBe(0)
    },
  }
}
