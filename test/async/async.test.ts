import { stat } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Backoff, backoffDelayMs, retry } from '../../src/async/backoff.ts'
import { deferred } from '../../src/async/deferred.ts'
import { mapSome } from '../../src/async/map-some.ts'
import { Semaphore } from '../../src/async/semaphore.ts'
import { sleep } from '../../src/async/sleep.ts'
import { driverTimeoutMs, startInterval, startTimer } from '../../src/async/timer.ts'
import { isDoneWithin, withDeadline } from '../../src/async/with-deadline.ts'

const doubling: Backoff = { initialMs: 100, factor: 2, maxMs: 500, jitter: 0.5 }
const quick: Backoff = { initialMs: 1, factor: 1, maxMs: 1, jitter: 0 }

test('a deferred promise is settled from outside', async () => {
  const kept = deferred<number>()
  kept.resolve(7)
  await expect(kept.promise).resolves.toBe(7)
  const broken = deferred()
  broken.reject(new Error('from outside'))
  await expect(broken.promise).rejects.toThrow('from outside')
})

test('sleep ends after its time', async () => {
  const startedAt = performance.now()
  await sleep(20)
  expect(performance.now() - startedAt).toBeGreaterThan(15)
})

test('an aborted sleep rejects with the reason, before or during it, and leaves no listener', async () => {
  const reason = new Error('enough')
  await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
  const controller = new AbortController()
  const off = vi.spyOn(controller.signal, 'removeEventListener')
  await sleep(1, controller.signal)
  expect(off).toHaveBeenCalledOnce()
  const sleeping = sleep(60_000, controller.signal)
  controller.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
})

test('backoff grows by its factor to its most, and jitter only shortens it', () => {
  const delays = [1, 2, 3, 4, 5].map((attempt) => backoffDelayMs(doubling, attempt, () => 0))
  expect(delays).toEqual([100, 200, 400, 500, 500])
  expect(backoffDelayMs(doubling, 1, () => 1)).toBe(50)
})

test('retry tries until it succeeds and reports each failure', async () => {
  const told: number[] = []
  const outcome = await retry(
    async (attempt) => {
      if (attempt < 3) throw new Error(`try ${attempt}`)
      return attempt
    },
    { backoff: quick, onFailure: ({ attempt }) => told.push(attempt) },
  )
  expect(outcome).toBe(3)
  expect(told).toEqual([1, 2])
})

test('retry gives up with the last error when its time is up', async () => {
  const failing = retry((attempt) => Promise.reject(new Error(`try ${attempt}`)), {
    backoff: { ...quick, initialMs: 10, maxMs: 10 },
    withinMs: 15,
  })
  await expect(failing).rejects.toThrow('try 2')
})

test('retry stops when it is aborted, and when onFailure throws', async () => {
  const controller = new AbortController()
  const aborted = retry(() => Promise.reject(new Error('no')), {
    backoff: { ...quick, initialMs: 60_000, maxMs: 60_000 },
    signal: controller.signal,
    onFailure: () => controller.abort(new Error('stopped')),
  })
  await expect(aborted).rejects.toThrow('stopped')
  const hopeless = retry(() => Promise.reject(new Error('no')), {
    backoff: quick,
    onFailure: ({ cause }) => {
      throw cause
    },
  })
  await expect(hopeless).rejects.toThrow('no')
})

test('a semaphore lets in as many as it has permits, in the order they came', async () => {
  const semaphore = new Semaphore(2)
  const seen: string[] = []
  const gates = [deferred(), deferred(), deferred()]
  const runs = gates.map((gate, n) =>
    semaphore.run(async () => {
      seen.push(`in ${n}`)
      await gate.promise
      seen.push(`out ${n}`)
    }),
  )
  await Promise.resolve()
  gates[1]?.resolve()
  await runs[1]
  gates[0]?.resolve()
  gates[2]?.resolve()
  await Promise.all(runs)
  expect(seen).toEqual(['in 0', 'in 1', 'out 1', 'in 2', 'out 0', 'out 2'])
})

test('a semaphore is released when the work fails', async () => {
  const semaphore = new Semaphore(1)
  await expect(semaphore.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(semaphore.run(async () => 'next')).resolves.toBe('next')
})

test('a deadline lets work pass that is in time, whatever came of it, and fails work that is late', async () => {
  const late = (): Error => new Error('late')
  await expect(withDeadline(Promise.resolve(1), 1000, late)).resolves.toBe(1)
  await expect(withDeadline(Promise.reject(new Error('no')), 1000, late)).rejects.toThrow('no')
  await expect(withDeadline(deferred().promise, 5, late)).rejects.toThrow('late')
})

test('timers longer than setTimeout can count do not fire early, and fire in the end', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const fired: string[] = []
  startTimer(2 ** 32, () => fired.push('long'))
  startTimer(Number.POSITIVE_INFINITY, () => fired.push('never'))
  startTimer(Number.NaN, () => fired.push('at once'))
  startInterval(2 ** 32, () => fired.push('again'))
  vi.advanceTimersByTime(10)
  expect(fired).toEqual(['at once'])
  vi.advanceTimersByTime(2 ** 32)
  expect(fired).toEqual(['at once', 'long', 'again'])
  vi.advanceTimersByTime(2 ** 32)
  expect(fired).toEqual(['at once', 'long', 'again', 'again'])
})

test('an answer that came while this process was busy is not late, one that never comes is', async () => {
  const answer = new Promise((resolve) => stat('.', resolve))
  const isDone = isDoneWithin(20, answer)
  const busyUntil = performance.now() + 200
  while (performance.now() < busyUntil);
  expect(await isDone).toBe(true)
  expect(await isDoneWithin(20, new Promise(() => undefined))).toBe(false)
})

test('of many at most so many are worked on at a time, and what comes of them keeps their order', async () => {
  const items = Array.from({ length: 50 }, (_, n) => n)
  let [under, most] = [0, 0]
  const doubled = await mapSome(items, 7, async (item, index) => {
    under += 1
    most = Math.max(most, under)
    await sleep((50 - item) % 3)
    under -= 1
    return item + index
  })
  expect(doubled).toEqual(items.map((item) => item * 2))
  expect(most).toBe(7)
  expect(await mapSome([], 7, async () => 1)).toEqual([])
})

test('of many none is begun after one has failed', async () => {
  const begun: number[] = []
  const work = async (item: number): Promise<void> => {
    begun.push(item)
    await sleep(1)
    if (item === 3) throw new Error('the third')
  }
  await expect(mapSome([1, 2, 3, 4, 5, 6, 7, 8], 2, work)).rejects.toThrow('the third')
  await sleep(20)
  expect(begun).toEqual([1, 2, 3, 4])
})

test('a driver gets no delay that its own timers do not take', () => {
  expect([5, 2 ** 31, 1e300, Number.POSITIVE_INFINITY].map(driverTimeoutMs)).toEqual([
    5,
    2 ** 31 - 1,
    2 ** 31 - 1,
    2 ** 31 - 1,
  ])
})
