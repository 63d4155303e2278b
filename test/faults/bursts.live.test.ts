import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { group } from '../../src/index.ts'
import { freshServers, liveApp } from '../support/live-app.ts'

/** `npm run test:bursts`: a hundred thousand calls at once, and a million, ten thousand at a time. */
const CALLS = Number(process.env.BURST_CALLS ?? 20_000)
const ROUNDS = Number(process.env.BURST_ROUNDS ?? 5)
const A_ROUND = 10_000

const MOST_BYTES_A_CALL = 4_000
const MINUTES = 60_000
/** RabbitMQ stops for seconds now and then, where a million wait in its queues. */
const LONGEST_ROUND_MS = 20_000

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

describe('calls that nobody awaits', { timeout: 10 * MINUTES + ROUNDS * LONGEST_ROUND_MS }, () => {
  test.each<[string, (task: ReturnType<typeof adding>, number: number) => Promise<unknown>]>([
    ['calls', (task, number) => task.delay(number, 'some text')],
    ['calls with kwargs', (task, x) => task.applyAsync([], { kwargs: { x, y: 'some text' } })],
  ])(`${CALLS} %s: none is rejected, and none takes more than 4 kB`, async (_, call) => {
    const task = adding(await burstApp())
    await expectSmall((count) => Array.from({ length: count }, (__, at) => call(task, at)))
  })

  test(`a group of ${CALLS}: it is not rejected, and no member takes more than 4 kB`, async () => {
    const task = adding(await burstApp())
    await expectSmall((count) => [
      group(Array.from({ length: count }, (_, at) => task.s(at, 'some text'))).delay(),
    ])
  })

  test(`${ROUNDS} times ${A_ROUND} calls without a worker: none is rejected, and memory is flat`, async () => {
    const app = await burstApp()
    const task = adding(app)
    const after: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(Array.from({ length: A_ROUND }, (_, at) => task.delay(at, 'some text')))
      after.push(heapBytes())
    }
    // The first rounds fill what is kept for good: caches, and code that was compiled.
    const [start = 0, ...rest] = after.slice(Math.min(2, ROUNDS - 1))
    expect(Math.max(start, ...rest) - start).toBeLessThan(10_000_000)
  })
})

async function burstApp() {
  const { ledger: _, ...servers } = await freshServers(['burst'])
  const app = liveApp(servers, { result_backend: 'disabled://' })
  await app.setUp()
  return app
}

function adding(app: Awaited<ReturnType<typeof burstApp>>) {
  return app.task('burst.add', { params: ['x', 'y'] }, (x: number, y: string) => `${x}${y}`)
}

/** What they take while they wait for the broker, from the call on and once they are in its line; and afterwards. */
async function expectSmall(call: (count: number) => Promise<unknown>[]): Promise<void> {
  await Promise.all(call(1_000)) // compiled, connected
  const before = heapBytes()
  const calls = call(CALLS)
  const called = heapBytes()
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = heapBytes()
  expect((Math.max(called, waiting) - before) / CALLS).toBeLessThan(MOST_BYTES_A_CALL)
  await Promise.all(calls)
  calls.length = 0
  expect((heapBytes() - before) / CALLS).toBeLessThan(MOST_BYTES_A_CALL / 4)
}

function heapBytes(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
