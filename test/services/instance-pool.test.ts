import { expect, onTestFinished, test, vi } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import { InstancePool, type PoolOptions } from '../../src/services/instances/instance-pool.ts'

/** Instances that end when they are told to, or when the test says so. */
function poolOf(options: Pick<PoolOptions, 'min' | 'max'>) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const ends: ((code: number | null) => void)[] = []
  const state = { waiting: 0 as number | null, started: 0 }
  const pool = new InstancePool({
    ...options,
    log: silentLogger,
    depth: () => Promise.resolve(state.waiting),
    everyMs: 100,
    idleMs: 1000,
    start: () => {
      state.started += 1
      let end: (code: number | null) => void = () => undefined
      const ended = new Promise<number | null>((resolve) => {
        end = resolve
      })
      ends.push(end)
      return { ended, stop: () => end(0) }
    },
  })
  const running = pool.run()
  const after = async (ms: number): Promise<number> => {
    await vi.advanceTimersByTimeAsync(ms)
    return pool.size
  }
  return { pool, state, ends, running, after }
}

test('instances are started as long as messages wait, up to the most', async () => {
  const { state, after } = poolOf({ min: 1, max: 5 })
  expect(await after(1000)).toBe(1)
  state.waiting = 100
  expect(await after(100)).toBe(1)
  expect(await after(100)).toBe(2)
  expect(await after(100)).toBe(3)
  expect(await after(100)).toBe(5)
  expect(await after(1000)).toBe(5)
})

test('instances end one after the other where nothing waits, down to the least, also to none', async () => {
  const { state, after } = poolOf({ min: 0, max: 3 })
  state.waiting = 2
  expect(await after(400)).toBe(3)
  state.waiting = 0
  expect(await after(1150)).toBe(2)
  expect(await after(5000)).toBe(0)
  state.waiting = 1
  expect(await after(200)).toBe(1)
})

test('a broker that cannot be asked changes nothing', async () => {
  const { state, after } = poolOf({ min: 1, max: 3 })
  state.waiting = 9
  await after(200)
  state.waiting = null
  expect(await after(10_000)).toBe(2)
})

test('an instance that dies is replaced, later each time; one that is asked to shut down is not', async () => {
  const { ends, state, running, after } = poolOf({ min: 2, max: 2 })
  await after(50)
  ends[0]?.(null)
  expect(await after(0)).toBe(1)
  expect(await after(300)).toBe(2)
  ends[1]?.(0)
  expect(await after(2000)).toBe(1)
  expect(state.started).toBe(3)
  ends[2]?.(0)
  await after(0)
  expect(await running).toBe(0)
})

test('a service that cannot start at all ends with exit code 1', async () => {
  const { ends, running, after } = poolOf({ min: 1, max: 2 })
  for (let count = 0; count < 8; count += 1) {
    ends.at(-1)?.(1)
    await after(3000)
  }
  expect(await running).toBe(1)
})
