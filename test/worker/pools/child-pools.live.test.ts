import { context, trace } from '@opentelemetry/api'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { loadTelemetry } from '../../../src/telemetry/traces/open-telemetry.ts'
import type { ChildPoolOptions } from '../../../src/worker/pools/children/child-pool.ts'
import { openPool } from '../../../src/worker/pools/open-pool.ts'
import type { Pool } from '../../../src/worker/pools/pool.ts'
import { POOL_APP, poolContract, runIn } from '../../contracts/pool-contract.ts'
import { startTracing } from '../../telemetry/traced.ts'

/** Children as users have them: built. */
const BUILT = new URL('../../../dist/src/pool-child.js', import.meta.url)

const TRACED_APP = new URL('../../fixtures/pools/traced-app.js', import.meta.url).pathname

type ChildPoolName = 'threads' | 'processes'

function makePool(name: ChildPoolName, options: Partial<ChildPoolOptions> = {}): Pool {
  return openPool(name, {
    module: POOL_APP,
    program: BUILT,
    maxTasksPerChild: null,
    maxMemoryPerChild: null,
    aliveTimeoutMs: 60_000,
    lostWaitMs: 1_000,
    logger: silentLogger,
    ...options,
  })
}

async function startPool(name: ChildPoolName, options: Partial<ChildPoolOptions> = {}) {
  const pool = makePool(name, options)
  onTestFinished(() => pool.stop())
  await pool.start(1)
  return pool
}

poolContract('threads', () => makePool('threads'))
poolContract('processes', () => makePool('processes'))

const BOTH: readonly ChildPoolName[] = ['threads', 'processes']

test.each(BOTH)(
  'in %s a loop is killed at its hard time limit, and the next task starts',
  async (name) => {
    const pool = await startPool(name)
    const startedAt = performance.now()
    const spinning = runIn(pool, 'spins', [60_000], { limits: { timeLimit: 1 } })
    expect(await spinning.outcome).toMatchObject({ error: { name: 'TimeLimitExceeded' } })
    expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  },
)

test.each(BOTH)('in %s a task whose child ends is lost, and the next one runs', async (name) => {
  const pool = await startPool(name)
  expect(await runIn(pool, 'exits', [3]).outcome).toMatchObject({
    kind: 'failure',
    error: { name: 'WorkerLostError', message: 'Worker exited prematurely: exitcode 3 Job: 1.' },
  })
  expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
})

test('in processes a task that crashes its process is lost, with the signal', async () => {
  const pool = await startPool('processes')
  expect(await runIn(pool, 'dies').outcome).toMatchObject({
    error: { message: 'Worker exited prematurely: signal 11 (SIGSEGV) Job: 1.' },
  })
})

test.each(BOTH)('in %s a child is replaced after as many tasks as it may run', async (name) => {
  const pool = await startPool(name, { maxTasksPerChild: 2 })
  const counts: unknown[] = []
  for (let n = 0; n < 5; n += 1) {
    const { value } = (await runIn(pool, 'runs').outcome) as { value: [number, number] }
    counts.push(value[1])
  }
  expect(counts).toEqual([1, 2, 1, 2, 1])
})

test.each(BOTH)('in %s a child that holds too much memory is replaced', async (name) => {
  const pool = await startPool(name, { maxMemoryPerChild: 250_000 })
  await runIn(pool, 'hoards', [180]).outcome
  const { value } = (await runIn(pool, 'runs').outcome) as { value: [number, number] }
  expect(value[1]).toBe(1)
})

test('in threads a leak beyond the memory of its thread ends the thread alone', async () => {
  const pool = await startPool('threads', { maxMemoryPerChild: 64_000 })
  expect(await runIn(pool, 'leaks', [900]).outcome).toMatchObject({
    error: { name: 'WorkerLostError', cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } },
  })
})

test.each(BOTH)('in %s a promise that a task forgot does not end the child', async (name) => {
  const pool = await startPool(name)
  const { value: first } = (await runIn(pool, 'forgets').outcome) as { value: number }
  const { value: second } = (await runIn(pool, 'pid').outcome) as { value: number }
  expect(second).toBe(first)
})

test.each(BOTH)('in %s a result of fifty megabytes comes back whole', async (name) => {
  const pool = await startPool(name)
  const { value } = (await runIn(pool, 'large', [50_000_000]).outcome) as { value: string }
  expect(value).toHaveLength(50_000_000)
})

test.each(BOTH)('in %s a value of any depth leaves the worker alone', async (name) => {
  const pool = await startPool(name)
  for (const levels of [3_000, 12_000, 100_000]) {
    const { outcome } = runIn(pool, 'nested', [levels])
    expect((await outcome).kind).toMatch(/success|failure/)
  }
  expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
})

test.each([
  ['processes', 'given-away'],
  ['threads', 'given-away'],
] as const)(
  'in %s memory that cannot be cloned (%s) fails its task, in the same child',
  async (name, task) => {
    const pool = await startPool(name)
    const [, before] = await listFrom(pool, 'runs')
    const outcome = await runIn(pool, task).outcome
    expect(outcome).toMatchObject({ kind: 'failure', error: expect.any(Error) })
    expect(outcome).not.toMatchObject({ error: { name: 'WorkerLostError' } })
    expect(await listFrom(pool, 'runs')).toEqual([expect.any(Number), Number(before) + 1])
  },
)

test.each(BOTH)('in %s a result that cannot be read is refused by its reason', async (name) => {
  const outcome = await runIn(await startPool(name), 'unreadable').outcome
  expect(outcome.kind).toBe('success')
  expect(() => JSON.stringify(outcome)).toThrow('cannot encode value: it is a secret')
})

test.each(BOTH)('in %s what a task sends to its worker by itself is not heard', async (name) => {
  const pool = await startPool(name)
  expect(await runIn(pool, 'babbles', [3]).outcome).toMatchObject({ value: 3 })
  expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
})

test.each([
  ['processes', 'hangs-up', 'exitcode 0'],
  ['threads', 'hangs-up', 'exitcode'],
  ['processes', 'throws-later', 'exitcode 1'],
  ['threads', 'throws-later', 'exitcode 1'],
] as const)('in %s a task that %s is lost, and the next one runs', async (name, task, status) => {
  const pool = await startPool(name)
  const outcome = await runIn(pool, task, [1]).outcome
  expect(outcome).toMatchObject({ error: { name: 'WorkerLostError' } })
  expect(String('error' in outcome && outcome.error)).toContain(status)
  expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
})

test.each(BOTH)('what a task in %s calls is part of the trace of its run', async (name) => {
  await loadTelemetry()
  onTestFinished(startTracing())
  const pool = await startPool(name, { module: TRACED_APP })
  const span = trace.getTracer('worker').startSpan('run/pool.calls')
  const run = context.with(trace.setSpan(context.active(), span), () =>
    runIn(pool, 'echo', [], { request: { task: 'pool.calls' } }),
  )
  const { value } = (await run.outcome) as { value: { parent: string; called: string } }
  const { traceId, spanId } = span.spanContext()
  expect(value.called).toContain(traceId)
  expect(value.parent).toBe(spanId)
})

test.each(BOTH)('%s whose children cannot load the app do not start, and say why', async (name) => {
  const pool = makePool(name, { module: '/nowhere/app.ts' })
  await expect(pool.start(1)).rejects.toThrow('cannot load "/nowhere/app.ts": cannot find the app')
  await pool.stop()
})

async function listFrom(pool: Pool, name: string): Promise<readonly unknown[]> {
  const outcome = await runIn(pool, name).outcome
  return outcome.kind === 'success' && Array.isArray(outcome.value) ? outcome.value : [outcome]
}
