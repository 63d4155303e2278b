import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Broker, Delivery } from '../../../src/brokers/broker.ts'
import { deadLetterMessage } from '../../../src/brokers/dead-letters/dead-letter-message.ts'
import { giveBack, redrive, takeLetters } from '../../../src/brokers/dead-letters/kept-letters.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import { durableQueue } from '../../../src/protocol/routing/topology.ts'
import { waitFor } from '../../support/wait-for.ts'

const WHY = { code: 'TASK_UNKNOWN', reason: 'no such task' }

test('letters are taken to be looked at, and given back as they were', async () => {
  const broker = await withLetters('a', 'b', 'c')
  const taken = await takeLetters(broker, 'dlq.work', 2)
  expect(taken).toMatchObject([
    { queue: 'work', taskId: 'a', task: 'export.add', ...WHY },
    { queue: 'work', taskId: 'b' },
  ])
  await giveBack(broker, taken)
  const again = await takeLetters(broker, 'dlq.work', 10)
  expect(again.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c'])
  expect(again.slice(0, 2).map(({ id }) => id)).toEqual(taken.map(({ id }) => id))
})

test('a letter that is put back is in the queue it died in, as it was, and no dead letter any more', async () => {
  const broker = await withLetters('a')
  const [letter] = await takeLetters(broker, 'dlq.work', 1)
  await redrive(broker, letter!)
  expect((await broker.depth('dlq.work')).messages).toBe(0)
  const back = await broker.get('work')
  expect(back?.message.headers).toEqual({
    id: 'a',
    task: 'export.add',
    'x-dlq-time': expect.any(String),
  })
  expect(back?.message.body.toString()).toBe('[[1, 2], {}, {}]')
})

test('letters are given back all at once, and each is tried where one is refused', async () => {
  const broker = await withLetters('a', 'b', 'c')
  const taken = await takeLetters(broker, 'dlq.work', 10)
  let underWay = 0
  const slow = taken.map((letter, n) => ({
    ...letter,
    delivery: {
      queue: 'dlq.work',
      message: letter.message,
      isSettled: false,
      requeue: async () => {
        underWay += 1
        await waitFor('the others', () => underWay === taken.length)
        if (n === 0) throw new Error('refused')
        await letter.delivery.requeue()
      },
    } as unknown as Delivery,
  }))
  await expect(giveBack(broker, slow)).rejects.toThrow('refused')
  expect((await broker.depth('dlq.work')).messages).toBe(2)
})

async function withLetters(...ids: readonly string[]): Promise<Broker> {
  const broker = openBroker({ url: `memory://${randomUUID()}` })
  onTestFinished(() => broker.close())
  const queues = [durableQueue('work'), durableQueue('dlq.work')]
  await broker.declare({ exchanges: [], queues, bindings: [] })
  const route = { exchange: '', routingKey: 'work' }
  for (const id of ids) {
    const message = {
      headers: { id, task: 'export.add' },
      properties: {},
      body: Buffer.from('[[1, 2], {}, {}]'),
    }
    await broker.publish(message, route)
    const delivery = await broker.get('work')
    const letter = deadLetterMessage(delivery!, WHY)
    await broker.publish(letter, { exchange: '', routingKey: 'dlq.work' })
    await delivery?.ack()
  }
  return broker
}
