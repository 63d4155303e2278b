import { setTimeout as sleep } from 'node:timers/promises'
import { perSecondSince, type Scenario } from '../measure.ts'
import { openSqs } from './place.ts'

const ONE = 60
const MANY = 2_000

/** A FIFO queue gives out the next message of a group once the one before is deleted: with a thousand roots that is no limit. */
export async function groupsScenario(): Promise<Scenario> {
  const place = await openSqs({ delayMs: 20 })
  const broker = place.app.broker()
  const mirror = place.app.config.platformQueue
  let round = 0

  const consumed = async (groups: number, total: number): Promise<number> => {
    round += 1
    const route = { exchange: '', routingKey: mirror }
    const messages = Array.from({ length: total }, (_, n) => ({
      message: {
        headers: { root_id: `r${n % groups}`, id: `${round}-${n}`, task: 'export.note' },
        properties: {},
        body: Buffer.from('x'),
      },
      route,
    }))
    await broker.publishMany(messages, { deadlineMs: 120_000 })
    let seen = 0
    const startedAt = performance.now()
    const subscription = await broker.consume(mirror, { prefetch: 200 }, (delivery) => {
      seen += 1
      void delivery.ack()
    })
    while (seen < total) await sleep(5)
    const rate = perSecondSince(startedAt, total)
    await subscription.close()
    return rate
  }
  return {
    name: 'FIFO mirror, 20 ms a call',
    baseline: 'one group',
    goals: [{ ours: 'a thousand roots', than: 'one group', atLeast: 5 }],
    contenders: [
      { name: 'one group', run: () => consumed(1, ONE) },
      { name: 'a thousand roots', run: () => consumed(1_000, MANY) },
    ],
    close: () => place.close(),
  }
}
