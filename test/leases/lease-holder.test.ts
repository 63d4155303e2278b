import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { LeaseHolder } from '../../src/leases/lease-holder.ts'
import { MemoryLeases } from '../support/memory-leases.ts'

test('one holder keeps the work from turn to turn, until it lets go', async () => {
  const leases = new MemoryLeases()
  const one = new LeaseHolder(leases, { name: 'job', holdMs: 60_000 })
  const other = new LeaseHolder(leases, { name: 'job', holdMs: 60_000 })
  expect(await one.run(async ({ epoch }) => epoch)).toBe(1)
  expect(await other.run(async () => 'ran')).toBeUndefined()
  expect(await one.run(async ({ epoch }) => epoch)).toBe(1)
  await one.release()
  expect(await other.run(async ({ epoch }) => epoch)).toBe(2)
})

test('work that takes longer than the lease is held for keeps it all the same', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const leases = new MemoryLeases()
  const holder = new LeaseHolder(leases, { name: 'job', holdMs: 90 })
  const done = deferred()
  const running = holder.run(async ({ lost }) => {
    await done.promise
    return lost.aborted
  })
  await vi.advanceTimersByTimeAsync(300)
  done.resolve()
  expect(await running).toBe(false)
})

test('a holder that lost its lease takes a new one', async () => {
  const leases = new MemoryLeases()
  const holder = new LeaseHolder(leases, { name: 'job', holdMs: 60_000 })
  await holder.run(async (lease) => lease.release())
  expect(await holder.run(async ({ epoch }) => epoch)).toBe(2)
})
