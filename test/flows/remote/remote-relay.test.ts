import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import type { AwaitedSignal, JobBoard } from '../../../src/flows/board/job-board.ts'
import type { Remotes } from '../../../src/flows/remote/remote.ts'
import { RemoteRelay } from '../../../src/flows/remote/remote-relay.ts'

function stepOf(flowId: string, number = 1): AwaitedSignal {
  return { flowId, signal: `2b6a0c5e-0000-4000-8000-${String(number).padStart(12, '0')}` }
}

/** Its board answers the steps that `wait` was given, and its remote tasks answer when they are told to. */
async function startRelay({
  onSignal = async () => undefined,
}: {
  onSignal?: () => Promise<void>
} = {}) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  let awaited: readonly AwaitedSignal[] = []
  let looks = 0
  let onNews: () => void = () => undefined
  const signalled: string[] = []
  const outcomes = new Map<string, ReturnType<typeof deferred<unknown>>>()
  const answered = new Set<string>()
  const peeked: string[] = []
  const board = {
    awaited: async () => {
      looks += 1
      return awaited
    },
    listen: async (listener: () => void) => {
      onNews = listener
      return async () => undefined
    },
    signal: async (flowId: string) => {
      await onSignal()
      signalled.push(flowId)
    },
  }
  const remotes = {
    outcome: async (attempt: string, signal: AbortSignal) => {
      const outcome = deferred<unknown>()
      outcomes.set(attempt, outcome)
      signal.addEventListener('abort', () => outcomes.delete(attempt))
      try {
        return await outcome.promise
      } finally {
        outcomes.delete(attempt)
      }
    },
    peek: async (attempt: string) => {
      peeked.push(attempt)
      return answered.has(attempt) ? { value: 1 } : undefined
    },
  }
  const relay = new RemoteRelay(board as unknown as JobBoard, {
    remotes: remotes as unknown as Remotes, // nothing else of either is asked for
  })
  const stop = async (): Promise<void> => {
    const stopped = relay.stop()
    await pass(1_000)
    await stopped
  }
  onTestFinished(async () => {
    await stop()
    vi.useRealTimers()
  })
  await relay.start()
  return {
    signalled,
    peeked,
    stop,
    looks: () => looks,
    followed: () => outcomes.size,
    wait: (steps: readonly AwaitedSignal[] = [stepOf('f')]) => {
      awaited = steps
      onNews()
    },
    answer: (how: 'told' | 'silent', { signal } = stepOf('f')) => {
      answered.add(signal)
      if (how === 'told') outcomes.get(signal)?.resolve(1)
    },
    fail: (error: Error, { signal } = stepOf('f')) => outcomes.get(signal)?.reject(error),
  }
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

test('a flow is woken at once when its remote step has answered; the board is not read again for that', async () => {
  const { wait, answer, looks, signalled, peeked } = await startRelay()
  await pass(1)
  wait()
  await pass(500)
  expect(looks()).toBe(2)
  answer('told')
  await pass(1)
  expect([signalled, looks(), peeked.length]).toEqual([['f'], 2, 1]) // it was peeked at before it was followed
})

test('a quiet board is read now and then only, which finds answers that nobody has told', async () => {
  const { wait, answer, looks, signalled } = await startRelay()
  await pass(9_000)
  expect(looks()).toBe(1)
  wait()
  await pass(1_000)
  answer('silent')
  await pass(5_000)
  expect(signalled).toEqual([])
  await pass(7_000)
  expect(signalled).toEqual(['f'])
})

test('a step that cannot be waited for is left to the next look; one that failed wakes its flow', async () => {
  const { wait, answer, fail, signalled } = await startRelay()
  wait()
  await pass(1_000)
  fail(new Error('the result backend is away'))
  await pass(1)
  expect(signalled).toEqual([])
  wait()
  await pass(1_000)
  answer('silent')
  fail(new Error('the task failed'))
  await pass(1)
  expect(signalled).toEqual(['f'])
})

test('of more steps than a look answers, those that were found before are waited for still', async () => {
  const { wait, answer, followed, signalled } = await startRelay()
  const steps = Array.from({ length: 1_000 }, (_, number) => stepOf(`f${number}`, number))
  wait(steps.slice(0, 500))
  await pass(1_000)
  wait(steps.slice(500))
  await pass(1_000)
  expect(followed()).toBe(1_000)
  answer('told', steps[0])
  await pass(1)
  expect(signalled).toEqual(['f0'])
  wait(steps.slice(998)) // all that there are: the others are not waited for any more
  await pass(1_000)
  expect(followed()).toBe(2)
})

test('a stop waits for a flow that is being woken', async () => {
  const waking = deferred<void>()
  const { wait, answer, stop, signalled } = await startRelay({ onSignal: () => waking.promise })
  wait()
  await pass(1_000)
  answer('told')
  await pass(1)
  let isStopped = false
  const stopped = stop().then(() => {
    isStopped = true
  })
  await pass(1_000)
  expect(isStopped).toBe(false)
  waking.resolve()
  await pass(1_000)
  await stopped
  expect(signalled).toEqual(['f'])
})
