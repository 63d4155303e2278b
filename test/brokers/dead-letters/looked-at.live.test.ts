import { expect, onTestFinished, test } from 'vitest'
import { giveBack, takeLetters } from '../../../src/brokers/dead-letters/kept-letters.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { freshVhost } from '../../support/rabbitmq.ts'

test('a dead letter in a quorum queue is there after it was looked at more often than its delivery limit', async () => {
  const { url } = await freshVhost()
  const broker = openBroker({ url })
  onTestFinished(() => broker.close())
  const dead = durableQueue('dlq.work', { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 })
  await broker.declare({ exchanges: [], queues: [dead], bindings: [] })
  const letter = { headers: {}, properties: {}, body: Buffer.from('kept') }
  await broker.publish(letter, { exchange: '', routingKey: 'dlq.work' })
  for (let look = 1; look <= 5; look += 1) {
    const letters = await takeLetters(broker, 'dlq.work', 10)
    expect(letters, `look ${look}`).toHaveLength(1)
    await giveBack(broker, letters)
  }
})
