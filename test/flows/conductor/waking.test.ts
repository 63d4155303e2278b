import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BrokerError } from '../../../src/errors.ts'
import type { JobBoard } from '../../../src/flows/board/job-board.ts'
import { Waking } from '../../../src/flows/conductor/waking.ts'
import type { WakeUps } from '../../../src/flows/waits/wake-ups.ts'
import { silentLogger } from '../../../src/logger.ts'

function wakingBy(listen: () => Promise<() => Promise<void>>) {
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
    wakeUps: { listen } as unknown as WakeUps, // as above
    logger: { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) },
    onNews: () => undefined,
    hasRoom: () => true,
  })
  return { waking, waitedMs, warnings, closed }
}

test('where the broker refuses to wake a conductor, its board does, and the broker is asked again', async () => {
  const refusal = new BrokerError('BROKER_UNREACHABLE', 'the broker is away')
  let isAway = true
  const closed: string[] = []
  const { waking, waitedMs, warnings, ...made } = wakingBy(async () => {
    if (isAway) throw refusal
    return async () => void closed.push('broker')
  })
  await waking.start()
  await turn()
  expect(warnings).toEqual([{ err: refusal, board: 'default' }])
  isAway = false
  await waking.waitForNews(new AbortController().signal)
  await turn()
  await waking.waitForNews(new AbortController().signal)
  expect(waitedMs).toEqual([5_000, 15_000])
  await waking.stop()
  expect([...made.closed, ...closed]).toEqual(['board', 'broker'])
})

test('a conductor waits for no broker: neither to start nor to stop', async () => {
  const closed: string[] = []
  let answer: (unlisten: () => Promise<void>) => void = () => undefined
  const { waking } = wakingBy(() => new Promise((resolve) => (answer = resolve)))
  await waking.start()
  await waking.stop()
  answer(async () => void closed.push('broker'))
  await turn()
  expect(closed).toEqual(['broker'])
})
