import { expect, test, vi } from 'vitest'
import { AsyncPool } from '../../../src/worker/pools/async-pool.ts'
import { runIn } from '../../contracts/pool-contract.ts'

// Alone in its file: what other tests left running would start timers, too.
test('no timer of a limit is left behind, and no look at the event loop once it is idle', async () => {
  vi.useFakeTimers()
  try {
    await runIn(new AsyncPool(), 'echo', [], { limits: { timeLimit: 60 } }).outcome
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(250)
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
