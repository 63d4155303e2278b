import { expect, onTestFinished, test, vi } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import type { JobBoard } from '../../../src/flows/board/job-board.ts'
import { Conductor } from '../../../src/flows/index.ts'
import { silentLogger } from '../../../src/logger.ts'

const MINUTE_MS = 60_000

test('a board that cannot be read is asked each second, and logged once a minute', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  let asked = 0
  const warnings: unknown[] = []
  const board = {
    name: 'default',
    listen: async () => async () => undefined,
    registerEntity: async () => async () => undefined,
    claimNext: async () => {
      asked += 1
      throw new Error('the database is away')
    },
  }
  const conductor = new Conductor(board as unknown as JobBoard, {
    flows: {},
    logger: { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) },
  })
  onTestFinished(async () => {
    await conductor.stop()
    vi.useRealTimers()
  })
  await conductor.start()
  await vi.advanceTimersByTimeAsync(MINUTE_MS - 1_000)
  expect([asked, warnings.length]).toEqual([60, 1])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(warnings[1]).toMatchObject({ board: 'default', leftOut: 59 })
})

test('a conductor that cannot register on its board does not start, and can be stopped', async () => {
  const board = {
    name: 'default',
    listen: async () => async () => undefined,
    registerEntity: async () => {
      throw new Error('no such table')
    },
  }
  const conductor = new Conductor(board as unknown as JobBoard, { flows: {} })
  await expect(conductor.start()).rejects.toThrow('no such table')
  await conductor.stop()
})

test('a stop ends within its deadline where the board gives no answer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const asked = deferred()
  const answer = deferred<undefined>()
  const board = {
    name: 'default',
    listen: async () => async () => undefined,
    registerEntity: async () => async () => undefined,
    claimNext: () => {
      asked.resolve()
      return answer.promise
    },
  }
  const conductor = new Conductor(board as unknown as JobBoard, { flows: {}, name: 'c' })
  await conductor.start()
  await asked.promise
  const stops = [conductor.stop(), conductor.stop({ graceMs: 0 })].map((stop) =>
    stop.catch((error: unknown) => error),
  )
  await vi.advanceTimersByTimeAsync(10_000)
  const stuck = { code: 'SERVICE_STUCK', message: expect.stringContaining('within 10000 ms') }
  expect(await Promise.all(stops)).toEqual([
    expect.objectContaining(stuck),
    expect.objectContaining(stuck),
  ])
  answer.resolve(undefined)
  await conductor.stop()
})
