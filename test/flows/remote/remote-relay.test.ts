import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { AwaitedSignal, JobBoard } from '../../../src/flows/board/job-board.ts'
import type { Remotes } from '../../../src/flows/remote/remote.ts'
import { RemoteRelay } from '../../../src/flows/remote/remote-relay.ts'

const ATTEMPT = '2b6a0c5e-0000-4000-8000-000000000001'

async function startRelay() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  let awaited: readonly AwaitedSignal[] = []
  let looks = 0
  let onNews: () => void = () => undefined
  const signalled: string[] = []
  const answers = new Map<string, (value: unknown) => void>()
  const answered = new Set<string>()
  const board = {
    awaited: async () => {
      looks += 1
      return awaited
    },
    listen: async (listener: () => void) => {
      onNews = listener
      return async () => undefined
    },
    signal: async (flowId: string) => void signalled.push(flowId),
  }
  const remotes = {
    outcome: (attempt: string) => new Promise((resolve) => answers.set(attempt, resolve)),
    peek: async (attempt: string) => (answered.has(attempt) ? { value: 1 } : undefined),
  }
  const relay = new RemoteRelay(board as unknown as JobBoard, {
    remotes: remotes as unknown as Remotes, // nothing else of either is asked for
  })
  onTestFinished(async () => {
    const stopped = relay.stop()
    await pass(1_000)
    await stopped
    vi.useRealTimers()
  })
  await relay.start()
  return {
    signalled,
    looks: () => looks,
    wait: () => {
      awaited = [{ flowId: 'f', signal: ATTEMPT }]
      onNews()
    },
    answer: (how: 'told' | 'silent') => {
      answered.add(ATTEMPT)
      if (how === 'told') answers.get(ATTEMPT)?.(1)
    },
  }
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

test('a flow is woken at once when its remote step has answered; the board is not read again for that', async () => {
  const { wait, answer, looks, signalled } = await startRelay()
  await pass(1)
  wait()
  await pass(500)
  expect(looks()).toBe(2)
  answer('told')
  await pass(1)
  expect([signalled, looks()]).toEqual([['f'], 2])
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
