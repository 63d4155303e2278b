import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { freshServers, liveApp } from '../../support/live-app.ts'
import { startCli } from '../../support/processes.ts'
import { Effects } from '../fault-worker.ts'
import { APP, endOf, startPool } from './start-pool.ts'

const SLOW = { timeout: 120_000 } as const

/** The end that each fault has in each pool; the worker goes on in all of them. */
const ENDS: readonly (readonly [
  fault: string,
  task: string,
  args: readonly unknown[],
  end: RegExp,
  pools: readonly string[],
])[] = [
  [
    'a loop of a minute',
    'fault.spin-limited',
    [1],
    /^TimeLimitExceeded: 1$/,
    ['threads', 'processes'],
  ],
  ['process.exit', 'fault.exit', [3], /^WorkerLostError.*exitcode 3/, ['threads', 'processes']],
  ['a native crash', 'fault.crash', [1], /^WorkerLostError.*signal 11 \(SIGSEGV\)/, ['processes']],
  [
    'a promise that never settles',
    'fault.never',
    [],
    /^TimeLimitExceeded: 1$/,
    ['async', 'threads', 'processes'],
  ],
  ['an unhandled rejection', 'fault.forget', [7], /^7$/, ['async', 'threads', 'processes']],
  [
    'a throw of undefined',
    'fault.throw-undefined',
    [],
    /^Error: undefined$/,
    ['async', 'threads', 'processes'],
  ],
  [
    'a result of fifty megabytes',
    'fault.large',
    [50_000_000],
    /^50000000 characters$/,
    ['async', 'threads', 'processes'],
  ],
]

describe.each(['async', 'threads', 'processes'])('%s', (pool) => {
  test('each fault has its expected end, and the worker goes on', SLOW, async () => {
    const { app } = await startPool(pool)
    const faults = ENDS.filter(([, , , , pools]) => pools.includes(pool))
    for (const [fault, task, args, end] of faults) {
      const text = brief(String(await endOf(app, task, args)))
      expect(end.test(text), `${fault}: ${text}`).toBe(true)
    }
    expect(await endOf(app, 'fault.quick', [1])).toBe(1)
  })
})

test.each(['threads', 'processes'])(
  'in %s the next task starts within half a second after a hard limit has killed a loop',
  { ...SLOW, retry: 2 },
  async (pool) => {
    const { app, effects } = await startPool(pool, '-c', '1')
    const killed = await app.sendTask('fault.spin-limited', [1])
    expect(await endOf(app, 'fault.quick', [2])).toBe(2)
    const error: unknown = await killed.get({ timeoutMs: 5_000 }).catch((caught: unknown) => caught)
    expect(String(error)).toContain('TimeLimitExceeded')
    const [first, second] = readFileSync(effects.file, 'utf8').trim().split('\n').map(timeOf)
    expect(Number(second) - Number(first)).toBeLessThan(1_500)
  },
)

test('a message that kills child after child is kept in its dead-letter queue', SLOW, async () => {
  const { app, worker, effects } = await startPool('processes')
  expect(await endOf(app, 'fault.poison', [1])).toMatch(/^WorkerLostError/)
  expect(effects.count('start')).toBe(3)
  await worker.waitForLine(/"keptIn":"dlq\.fault"/)
})

test(
  'SIGQUIT gives tasks their soft timeout, then ends with 1 and gives messages back',
  SLOW,
  async () => {
    const servers = await freshServers(['fault'])
    const effects = new Effects()
    const app = liveApp(servers)
    const env = { ...servers.env, EFFECTS: effects.file, CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT: '1' }
    const worker = startCli(['worker', '-A', APP, '-Q', 'fault', '-P', 'processes', '-c', '2'], {
      env,
    })
    await worker.waitForLine(/worker ready/)
    await app.sendTask('fault.wait', [1, 300])
    await app.sendTask('fault.wait', [2, 60_000])
    await expect.poll(() => effects.count('start'), { timeout: 20_000 }).toBe(2)
    worker.kill('SIGQUIT')
    await worker.waitForLine(/Soft shutdown/)
    expect(await worker.exited).toEqual({ code: 1, signal: null })
    expect([...effects.of('end')]).toEqual([1])
  },
)

function brief(text: string): string {
  return text.length > 1_000 ? `${text.length} characters` : text
}

function timeOf(line: string): number {
  return Number(line.split(' ')[3])
}
