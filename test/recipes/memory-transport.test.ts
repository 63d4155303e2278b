import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport, openTransport } from '../../src/recipes/index.ts'
import { testTransport } from '../contracts/transport-contract.ts'

testTransport(async () => {
  const name = randomUUID()
  return {
    open: () => new MemoryTransport({ name, deliveryLimit: 2 }),
    queue: async () => `q.${randomUUID()}`,
    topic: async () => `t.${randomUUID()}`,
  }
})

test('a transport is opened by its name, and an unknown one is named', () => {
  expect(openTransport('MemoryTransport')).toBeInstanceOf(MemoryTransport)
  expect(() => openTransport('CarrierPigeon')).toThrow(
    'there is no transport "CarrierPigeon"; expected PikaTransport, OfflineTransport, MemoryTransport',
  )
})

test('a message sent with a delay arrives after it', async () => {
  await using transport = new MemoryTransport({ name: randomUUID() })
  const sentAt = performance.now()
  const waited = new Promise<number>((resolve) => {
    void transport.subscribe('q', () => resolve(performance.now() - sentAt))
  })
  await transport.send('q', 1, { delay: 0.05 })
  expect(await waited).toBeGreaterThan(45)
})

test('a transaction holds no more messages than there is memory for', async () => {
  const transport = new MemoryTransport({ name: randomUUID() })
  onTestFinished(() => transport.disconnect())
  const transaction = await transport.transactionBegin()
  const body = Buffer.alloc(20 * 1024 * 1024)
  for (let n = 0; n < 3; n += 1) await transport.rawSend('q', body, { transaction })
  await expect(transport.rawSend('q', body, { transaction })).rejects.toThrow(
    /the 4 messages of transaction 1 take 83886080 bytes, expected at most 67108864/,
  )
})
