import { expect, test, vi } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { periodic } from '../../src/lifecycle/periodic.ts'
import { silentLogger } from '../../src/logger.ts'

test('the work is done again and again, one turn at a time, until it is stopped', async () => {
  let turns = 0
  let atOnce = 0
  const it = periodic(
    async () => {
      atOnce += 1
      expect(atOnce).toBe(1)
      await new Promise(setImmediate)
      atOnce -= 1
      turns += 1
    },
    { name: 'counting', everyMs: 1 },
  )
  await it.start()
  await vi.waitFor(() => expect(turns).toBeGreaterThan(3))
  await it.stop()
  const after = turns
  it.wake()
  await new Promise(setImmediate)
  expect(turns).toBe(after)
})

test('a stop aborts the signal of the turn under way, and waits for its end', async () => {
  const begun = deferred()
  let isOver = false
  const it = periodic(
    async (signal) => {
      begun.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      isOver = true
    },
    { name: 'waiting', everyMs: 1 },
  )
  await it.start()
  await begun.promise
  await it.stop()
  expect(isOver).toBe(true)
})

test('a turn that fails is logged once, and again when the work has recovered', async () => {
  const lines: string[] = []
  let turns = 0
  const it = periodic(
    async () => {
      turns += 1
      if (turns < 4) throw new Error('away')
    },
    {
      name: 'looking',
      everyMs: 1,
      logger: {
        ...silentLogger,
        warn: (...line: unknown[]) => void lines.push(String(line.at(-1))),
        info: (...line: unknown[]) => void lines.push(String(line.at(-1))),
      },
    },
  )
  await it.start()
  await vi.waitFor(() => expect(turns).toBeGreaterThan(5))
  await it.stop()
  expect(lines).toEqual(['periodic job failed, trying again', 'periodic job recovered'])
})

test('wake takes the next turn at once, and a turn may say when the next one is due', async () => {
  let turns = 0
  const it = periodic(
    async (): Promise<number | undefined> => {
      turns += 1
      return turns < 3 ? 0 : undefined
    },
    { name: 'dispatching', everyMs: 3_600_000 },
  )
  await it.start()
  await vi.waitFor(() => expect(turns).toBe(3))
  it.wake()
  await vi.waitFor(() => expect(turns).toBe(4))
  await it.stop()
})

test('a service that starts with a turn is ready after it, and does not start where it fails', async () => {
  let turns = 0
  const options = { name: 'making', everyMs: 3_600_000, startsWithTurn: true }
  const it = periodic(async () => {
    turns += 1
  }, options)
  await it.start()
  expect(turns).toBe(1)
  await it.stop()
  const failing = periodic(() => Promise.reject<undefined>(new Error('no table')), options)
  await expect(failing.start()).rejects.toThrow('no table')
  await failing.stop()
})

test('after turns that failed the next one comes as its backoff says', async () => {
  const startedAt = performance.now()
  const turnsAt: number[] = []
  const it = periodic(
    async () => {
      turnsAt.push(performance.now() - startedAt)
      if (turnsAt.length < 3) throw new Error('away')
    },
    {
      name: 'looking',
      everyMs: 60_000,
      backoff: { initialMs: 5, factor: 4, maxMs: 20, jitter: 0 },
    },
  )
  await it.start()
  await vi.waitFor(() => expect(turnsAt).toHaveLength(3))
  await it.stop()
  expect(turnsAt[2]).toBeGreaterThanOrEqual(24)
})
