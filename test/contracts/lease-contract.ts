import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Lease, Leases } from '../../src/leases/lease.ts'

const LONG = { holdMs: 60_000 }

/** What leases of every kind promise. */
export function leaseContract(open: () => Promise<Leases>): void {
  test('of all who ask for a name, one holds it', async () => {
    const leases = await open()
    const asked = await Promise.all(Array.from({ length: 8 }, () => leases.acquire('job', LONG)))
    expect(asked.filter((lease) => lease !== undefined)).toHaveLength(1)
  })

  test('names are apart from each other', async () => {
    const leases = await open()
    expect(await leases.acquire('one', LONG)).toBeDefined()
    expect(await leases.acquire('other', LONG)).toBeDefined()
  })

  test('the epoch grows with each holder', async () => {
    const leases = await open()
    const first = await held(leases.acquire('job', LONG))
    await first.release()
    const second = await held(leases.acquire('job', LONG))
    await second.release()
    const third = await held(leases.acquire('job', LONG))
    expect([first.epoch, second.epoch, third.epoch]).toEqual([1, 2, 3])
  })

  test('a lease that is released twice does not end that of the next holder', async () => {
    const leases = await open()
    const first = await held(leases.acquire('job', LONG))
    await first.release()
    const second = await held(leases.acquire('job', LONG))
    await first.release()
    expect(await leases.acquire('job', LONG)).toBeUndefined()
    await second.confirm()
  })

  test('a lease that is not extended is lost, and the next one is given out', async () => {
    const leases = await open()
    const first = await held(leases.acquire('job', { holdMs: 50 }))
    await once(first.lost, 'abort')
    expect(first.lost.reason).toMatchObject({ code: 'LEASE_LOST' })
    const second = await acquired(leases)
    expect(second.epoch).toBe(2)
    await expect(first.confirm()).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await expect(first.extend()).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await second.confirm()
  })

  test('a lease that is extended outlives the time it was taken for', async () => {
    const leases = await open()
    const lease = await held(leases.acquire('job', { holdMs: 2_000 }))
    const until = performance.now() + 2_200
    while (performance.now() < until) await lease.extend()
    expect(lease.lost.aborted).toBe(false)
    expect(await leases.acquire('job', LONG)).toBeUndefined()
  })
}

async function held(asked: Promise<Lease | undefined>): Promise<Lease> {
  const lease = await asked
  if (lease === undefined) throw new Error('the lease is held by another')
  return lease
}

/** The server may count a little longer than the holder. */
async function acquired(leases: Leases): Promise<Lease> {
  return (await leases.acquire('job', LONG)) ?? (await acquired(leases))
}
