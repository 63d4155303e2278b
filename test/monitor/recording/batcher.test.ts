import { expect, test } from 'vitest'
import type { Subscription } from '../../../src/brokers/broker.ts'
import { silentLogger } from '../../../src/logger.ts'
import { MonitorCounters } from '../../../src/monitor/monitor-stats.ts'
import { Batcher } from '../../../src/monitor/recording/batcher.ts'
import { FlowControl } from '../../../src/monitor/recording/flow-control.ts'
import { InHand } from '../../../src/monitor/recording/in-hand.ts'
import type { Ingested } from '../../../src/monitor/recording/ingested.ts'
import { config, read, withBody } from '../messages.ts'

const EIGHT_MIB = Buffer.alloc(8 * 1024 * 1024)

test('what is in hand is written while RabbitMQ takes its time to start the consumers again', async () => {
  const { flow, inHand, batcher, settled } = batching()
  await flow.open({ ...SUBSCRIPTION, resume: () => new Promise<never>(() => undefined) })
  const nine = await messages(9)
  for (const { delivery } of nine) inHand.take(delivery)
  expect(flow.isHeld).toBe(true)
  for (const one of nine) batcher.add(one)
  await expect.poll(() => settled).toHaveLength(9)
})

test('what comes in the place of settled messages is no reason to take no more', async () => {
  const { flow, inHand, batcher, settled, onSettle } = batching()
  const [next, ...eight] = await messages(9)
  for (const { delivery } of eight) inHand.take(delivery)
  const held: boolean[] = []
  onSettle(() => {
    if (next !== undefined && held.length === 0) inHand.take(next.delivery)
    held.push(flow.isHeld)
  })
  for (const one of eight) batcher.add(one)
  await expect.poll(() => settled).toHaveLength(8)
  expect(held).not.toContain(true)
})

function batching() {
  const flow = new FlowControl(silentLogger)
  const inHand = new InHand(flow)
  const settled: Ingested[] = []
  const listeners: (() => void)[] = []
  const batcher = new Batcher({
    limits: { messages: 1_000, bytes: 1 },
    transaction: { record: async (batch) => ({ recorded: batch, refused: [] }) },
    inHand,
    counters: new MonitorCounters(),
    logger: silentLogger,
    signal: new AbortController().signal,
    settle: async ({ recorded }) => {
      settled.push(...recorded)
      for (const listener of listeners) listener()
    },
  })
  const onSettle = (listener: () => void) => void listeners.push(listener)
  return { flow, inHand, batcher, settled, onSettle }
}

async function messages(count: number): Promise<Ingested[]> {
  return await Promise.all(Array.from({ length: count }, () => read(withBody('long', EIGHT_MIB))))
}

const DONE = async (): Promise<void> => undefined
const SUBSCRIPTION: Subscription = {
  queue: config.platformQueue,
  pause: DONE,
  resume: DONE,
  setPrefetch: DONE,
  close: DONE,
}
