import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { BrokerError } from '../../../src/errors.ts'
import type { Job } from '../../../src/flows/board/job.ts'
import type { JobBoard } from '../../../src/flows/board/job-board.ts'
import { Waking } from '../../../src/flows/conductor/waking.ts'
import type { WakeUps } from '../../../src/flows/waits/wake-ups.ts'
import { silentLogger } from '../../../src/logger.ts'

const MINUTE_MS = 60_000

interface BrokerParts {
  readonly listen: () => Promise<() => Promise<void>>
  readonly ask?: () => Promise<void>
}

function wakingBy({ listen, ask }: BrokerParts) {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const waitedMs: number[] = []
  const warnings: unknown[] = []
  const closed: string[] = []
  const board = {
    name: 'default',
    listen: async () => async () => {
      closed.push('board')
      throw new Error('the database is away')
    },
    waitForNews: async (withinMs: number) => void waitedMs.push(withinMs),
  }
  const waking = new Waking({
    board: board as unknown as JobBoard, // nothing else of it is asked for
    wakeUps: { listen, ask } as unknown as WakeUps, // as above
    logger: { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) },
    onNews: () => undefined,
    hasRoom: () => true,
  })
  return { waking, waitedMs, warnings, closed }
}

test('where the broker refuses to wake a conductor, its board does, and the broker is asked once a minute', async () => {
  const refusal = new BrokerError('BROKER_UNREACHABLE', 'the broker is away')
  let isAway = true
  let asked = 0
  const closed: string[] = []
  const listen = async () => {
    asked += 1
    if (isAway) throw refusal
    return async () => void closed.push('broker')
  }
  const { waking, waitedMs, warnings, ...made } = wakingBy({ listen })
  const look = async () => {
    await waking.waitForNews(new AbortController().signal)
    await turn()
  }
  await waking.start()
  await turn()
  await look()
  await look()
  expect([asked, warnings]).toEqual([1, [{ err: refusal, board: 'default' }]])
  vi.advanceTimersByTime(MINUTE_MS)
  await look()
  expect([asked, warnings.length]).toEqual([2, 2])
  isAway = false
  vi.advanceTimersByTime(MINUTE_MS)
  await look()
  await look()
  expect(waitedMs).toEqual([5_000, 5_000, 5_000, 5_000, 15_000])
  await waking.stop()
  expect([...made.closed, ...closed]).toEqual(['board', 'broker'])
})

test('a conductor waits for no broker: neither to start nor to stop', async () => {
  const closed: string[] = []
  let answer: (unlisten: () => Promise<void>) => void = () => undefined
  const { waking } = wakingBy({ listen: () => new Promise((resolve) => (answer = resolve)) })
  await waking.start()
  await waking.stop()
  answer(async () => void closed.push('broker'))
  await turn()
  expect(closed).toEqual(['broker'])
})

test('of many wake-ups that the broker does not take, one a minute is logged, with the number of the others', async () => {
  const refusal = new BrokerError('BROKER_UNREACHABLE', 'the broker is away')
  const { waking, warnings } = wakingBy({
    listen: async () => async () => undefined,
    ask: async () => {
      throw refusal
    },
  })
  const askFor = async (uuid: string) => {
    await waking.ask({ uuid } as Job, { until: Date.now() + MINUTE_MS, signals: [] })
  }
  for (const uuid of ['one', 'two', 'three']) await askFor(uuid)
  expect(warnings).toEqual([{ err: refusal, job: 'one' }])
  vi.advanceTimersByTime(MINUTE_MS)
  await askFor('four')
  expect(warnings[1]).toEqual({ err: refusal, job: 'four', leftOut: 2 })
})
