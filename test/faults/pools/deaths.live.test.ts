import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { waitFor } from '../../support/wait-for.ts'
import { handOver } from '../handover.ts'
import { endOf, startPool } from './start-pool.ts'

const SLOW = { timeout: 120_000 } as const

test.each([
  ['async', 'fault.exit-late', { code: 3, signal: null }],
  ['async', 'fault.crash', { code: null, signal: 'SIGSEGV' }],
  ['threads', 'fault.crash', { code: null, signal: 'SIGSEGV' }],
])(
  'in %s %s ends the worker, and the late-acked messages come again',
  SLOW,
  async (pool, task, exit) => {
    const { app, worker, effects } = await startPool(pool)
    await app.sendTask('fault.wait', [8, 60_000])
    await waitFor('a task to run', () => effects.count('start') === 1, { deadlineMs: 20_000 })
    await app.sendTask(task, [3])
    expect(await worker.exited).toEqual(exit)
    await waitFor('both messages in their queue', async () => {
      return (await app.broker().depth('fault')).messages === 2
    })
  },
)

test('in processes a crash leaves the other task, and the heartbeat, alone', SLOW, async () => {
  const { app, effects, heartbeats } = await startPool('processes', '-E')
  const other = await app.sendTask('fault.wait', [8, 4_000])
  await waitFor('a task to run', () => effects.count('start') === 1, { deadlineMs: 20_000 })
  expect(await endOf(app, 'fault.crash', [1])).toMatch(/^WorkerLostError.*signal 11/)
  expect(await other.get({ timeoutMs: 30_000 })).toBe(8)
  expect(effects.count('start')).toBe(2)
  expect(Math.max(...heartbeats.gapsMs())).toBeLessThan(4_000)
})

test.each(['threads', 'processes'])(
  'in %s a loop that its hard limit kills leaves the heartbeat and other tasks alone, and takes no more CPU',
  SLOW,
  async (pool) => {
    const { app, worker, effects, heartbeats } = await startPool(pool, '-E')
    const killed = await app.sendTask('fault.spin-limited', [1])
    const other = await app.sendTask('fault.wait', [2, 200])
    expect(await other.get({ timeoutMs: 20_000 })).toBe(2)
    await expect(killed.get({ timeoutMs: 20_000 })).rejects.toThrow('TimeLimitExceeded')
    await app.sendTask('fault.spin', [3, 5_000])
    await waitFor('the longer loop', () => effects.of('end').has(3), { deadlineMs: 30_000 })
    expect(Math.max(...heartbeats.gapsMs())).toBeLessThan(4_000)
    const before = cpuSeconds(worker.pid)
    await new Promise((wake) => setTimeout(wake, 2_000))
    expect(cpuSeconds(worker.pid) - before).toBeLessThan(1)
  },
)

test(
  'a leak in processes ends in a new process at --max-memory-per-child, and no task is lost',
  SLOW,
  async () => {
    const { app } = await startPool('processes', '-c', '1', '--max-memory-per-child', '200000')
    const first = await endOf(app, 'fault.pid', [])
    for (let n = 0; n < 3; n += 1) expect(await endOf(app, 'fault.leak', [80])).toBe(null)
    expect(await endOf(app, 'fault.pid', [])).not.toBe(first)
  },
)

test('task_retry_on_worker_lost: a task whose child dies is retried', SLOW, async () => {
  const { app, effects } = await startPool('processes', {
    CELERY_TASK_RETRY_ON_WORKER_LOST: 'True',
  })
  const gate = join(effects.folder, 'gate')
  const result = await app.sendTask('fault.die-once', [1, gate])
  // A retry waits three minutes unless the task says otherwise.
  await waitFor('the retry', async () => (await result.status()) === 'RETRY', {
    deadlineMs: 20_000,
  })
  expect(existsSync(gate)).toBe(true)
})

test(
  'task_reject_on_worker_lost: the message of a task whose child dies comes again, and succeeds',
  SLOW,
  async () => {
    const { app, effects } = await startPool('processes', {
      CELERY_TASK_REJECT_ON_WORKER_LOST: 'True',
    })
    const result = await app.sendTask('fault.die-once', [1, join(effects.folder, 'gate')])
    expect(await result.get({ timeoutMs: 30_000 })).toBe(1)
    expect(effects.count('start')).toBe(2)
  },
)

test.each(['async', 'processes'])(
  'worker_cancel_long_running_tasks_on_connection_loss: in %s a late-acked task is cancelled and begun anew',
  SLOW,
  async (pool) => {
    const { app, worker, servers, effects } = await startPool(pool, {
      CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS: 'True',
    })
    await app.sendTask('fault.wait', [1, 60_000])
    const early = await app.sendTask('fault.early', [2, 3_000])
    await waitFor('both to run', () => effects.count('start') === 2, { deadlineMs: 20_000 })
    await servers.vhost.closeConnections()
    await worker.waitForLine(/the connection is lost, a task is cancelled/)
    expect(await early.get({ timeoutMs: 30_000 })).toBe(2)
    await waitFor('it to begin anew', () => effects.count('start') === 3, { deadlineMs: 30_000 })
  },
)

test.each(['threads', 'processes'])(
  'SIGTERM under load beside a second worker in %s: no task fails, none runs twice, no second without progress',
  SLOW,
  async (pool) => {
    const { published, longestGapMs, ...rest } = await handOver(pool)
    expect(published).toBeGreaterThan(50)
    expect(rest).toEqual({ notOnce: [], failed: [], exit: { code: 0, signal: null } })
    expect(longestGapMs).toBeLessThan(1_000)
  },
)

test(
  '10,000 tasks in flight in async need less than 300 MB, keep the heartbeat, and each ends once',
  SLOW,
  async () => {
    const { app, worker, effects, heartbeats } = await startPool('async', '-E', '-c', '10000')
    for (let n = 0; n < 10_000; n += 500) {
      const calls = Array.from({ length: 500 }, async (_, at) =>
        app.sendTask('fault.early', [n + at, 30_000], {}, { ignoreResult: true }),
      )
      await Promise.all(calls)
    }
    await waitFor('all to be begun', () => effects.count('start') === 10_000, {
      deadlineMs: 60_000,
    })
    const inFlight = 10_000 - effects.count('end')
    const residentMb = residentKb(worker.pid) / 1_024
    await waitFor('all to end', () => effects.count('end') === 10_000, { deadlineMs: 60_000 })
    expect(effects.of('end').size).toBe(10_000)
    expect(inFlight).toBe(10_000)
    expect(residentMb).toBeLessThan(300)
    console.log(`10,000 tasks in flight: ${Math.round(residentMb)} MB`)
    expect(Math.max(...heartbeats.gapsMs())).toBeLessThan(6_000)
  },
)

/** User and system time of a process. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function residentKb(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)?.[1])
}
