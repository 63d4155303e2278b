import { expect, onTestFinished, test, vi } from 'vitest'
import { MemoryResultStore } from '../../../src/results/memory/memory-store.ts'
import { resultStoreContract, success } from '../../contracts/result-store-contract.ts'

resultStoreContract('the memory store', async () => new MemoryResultStore({ name: 'contract' }))

test('memory stores of another name share nothing', async () => {
  await using here = new MemoryResultStore({ name: 'here' })
  await using there = new MemoryResultStore({ name: 'there' })
  const saved = success(1)
  await here.save(saved)
  expect((await there.get(saved.taskId)).status).toBe('PENDING')
})

test('closing one memory store leaves the results to the others of its name', async () => {
  await using reader = new MemoryResultStore({ name: 'shared' })
  const writer = new MemoryResultStore({ name: 'shared' })
  const saved = success('kept')
  await writer.save(saved)
  await writer.close()
  expect((await reader.get(saved.taskId)).result).toBe('kept')
})

test('a memory store forgets a result once it has expired', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  await using store = new MemoryResultStore({ name: 'expiring', expiresMs: 1000 })
  const saved = success(1)
  await store.save(saved)
  vi.advanceTimersByTime(999)
  expect((await store.get(saved.taskId)).status).toBe('SUCCESS')
  vi.advanceTimersByTime(1)
  expect((await store.get(saved.taskId)).status).toBe('PENDING')
})
