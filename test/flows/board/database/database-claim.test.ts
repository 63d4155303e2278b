import { expect, onTestFinished, test, vi } from 'vitest'
import type { Database } from '../../../../src/database/database.ts'
import { DatabaseClaim } from '../../../../src/flows/board/database/database-claim.ts'
import type { Job } from '../../../../src/flows/board/job.ts'

function claimOver(query: (statement: string) => Promise<unknown[]>): DatabaseClaim {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const job = { uuid: 'j1', schedule: '* * * * *' } as Job // nothing else of it is asked for
  const database = { query } as unknown as Database // as above
  const sinceMs = performance.now() - 100
  return new DatabaseClaim(database, { job, epoch: 1, owner: 'one', leaseMs: 1_000, sinceMs })
}

test('a claim is lost at the end of its lease, though a silent database has not answered', async () => {
  const { lost } = claimOver(() => new Promise(() => undefined))
  await vi.advanceTimersByTimeAsync(890)
  expect(lost.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(20)
  expect(lost.aborted).toBe(true)
})

test('a claim that is extended is kept, and one that another has taken is lost at once', async () => {
  let rows: unknown[] = [{ isHeld: false }]
  const { lost } = claimOver(async () => rows)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(lost.aborted).toBe(false)
  rows = []
  await vi.advanceTimersByTimeAsync(250)
  expect(lost.aborted).toBe(true)
})

test('a scheduled job that cannot be posted again is not extended any more, so that its lease ends', async () => {
  const statements: string[] = []
  const claim = claimOver(async (statement) => {
    statements.push(statement)
    throw new Error('the database is away')
  })
  await expect(claim.consume()).rejects.toThrow('the database is away')
  const asked = statements.length
  await vi.advanceTimersByTimeAsync(5_000)
  expect(claim.lost.aborted).toBe(true)
  expect(statements).toHaveLength(asked)
})
