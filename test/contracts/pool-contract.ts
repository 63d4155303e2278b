import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Decimal } from '../../src/codecs/values.ts'
import { type Logger, silentLogger } from '../../src/logger.ts'
import type { TaskRequest } from '../../src/protocol/tasks/task-request.ts'
import { childrenOf } from '../../src/tasks/calls/current-request.ts'
import { areFollowupsTaken } from '../../src/tasks/calls/followups.ts'
import type { Pool, PoolRun, RunEnvironment, RunLimits } from '../../src/worker/pools/pool.ts'
import { app } from '../fixtures/pools/pool-app.js'

export const POOL_APP = new URL('../fixtures/pools/pool-app.js', import.meta.url).pathname

interface RunOptions {
  readonly limits?: Partial<RunLimits>
  readonly environment?: Partial<RunEnvironment>
  readonly request?: Partial<TaskRequest>
}

/** Begins a run of a task of the fixture. */
export function runIn(
  pool: Pool,
  name: string,
  args: readonly unknown[] = [],
  options: RunOptions = {},
): PoolRun {
  const task = app.tasks.get(`pool.${name}`)
  if (task === undefined) throw new Error(`the fixture has no task pool.${name}`)
  const request = { ...requestOf(task.name, args), ...options.request }
  return pool.run({ request, task, environment: environmentOf(options) })
}

/** What every pool promises: pool.ts, in tests. */
export function poolContract(name: string, makePool: () => Pool): void {
  describe(`${name} pool`, () => {
    let pool: Pool

    beforeAll(async () => {
      pool = makePool()
      await pool.start(3)
    }, 60_000)

    afterAll(async () => {
      await pool.stop()
    })

    test('arguments arrive and a value comes back with the types of both languages', async () => {
      const { outcome } = runIn(pool, 'everything')
      expect(await outcome).toMatchObject({ kind: 'success', runtimeMs: expect.any(Number) })
      const { value } = (await outcome) as { value: unknown } // just seen
      expect(await runIn(pool, 'echo', [value]).outcome).toMatchObject({ value: [value] })
      const expected = await app.tasks.get('pool.everything')?.run()
      expect(value).toEqual(expected)
    })

    test('an error that is thrown is a failure of its class, with its cause, and never a rejection', async () => {
      const outcome = await runIn(pool, 'fails').outcome
      expect(outcome).toMatchObject({
        kind: 'failure',
        error: { message: 'declined', amount: 3, cause: { name: 'TypeError', message: 'because' } },
      })
      const [expected] = app.tasks.get('pool.fails')?.options.throwsExpected ?? []
      expect('error' in outcome && expected && outcome.error instanceof expected).toBe(true)
      expect('error' in outcome && String((outcome.error as Error).stack)).toContain('pool-app')
    })

    test('a thrown undefined is a failure', async () => {
      expect(await runIn(pool, 'throws-undefined').outcome).toMatchObject({
        kind: 'failure',
        error: undefined,
      })
    })

    test('retry, replace, Ignore and Reject come to the worker as what they are', async () => {
      expect(await runIn(pool, 'retries').outcome).toMatchObject({
        kind: 'retry',
        countdown: 7,
        cause: expect.any(RangeError),
        options: { args: [new Decimal('1.0')] },
      })
      expect(await runIn(pool, 'replaces').outcome).toMatchObject({
        kind: 'replaced',
        signature: { task: 'pool.echo', args: [1] },
      })
      expect(await runIn(pool, 'ignores').outcome).toEqual({ kind: 'ignore' })
      expect(await runIn(pool, 'rejects').outcome).toEqual({
        kind: 'reject',
        reason: 'not mine',
        requeue: true,
      })
    })

    test('states, events and logs of a task reach the worker, and what it refuses reaches the task', async () => {
      const seen: unknown[] = []
      const log = (fields: unknown, sentence: unknown): number => seen.push([fields, sentence])
      const logger = { ...silentLogger, info: log, child: () => logger } as unknown as Logger
      const environment: Partial<RunEnvironment> = {
        logger,
        saveState: (state, meta) => {
          seen.push([state, meta])
          return state === 'REFUSED' ? Promise.reject(new Error('no room')) : Promise.resolve()
        },
        sendEvent: async (type, fields) => void seen.push([type, fields]),
      }
      const run = runIn(pool, 'talks', [], { environment })
      expect(await run.outcome).toMatchObject({ kind: 'success', value: 'no room' })
      expect(seen).toContainEqual(['PROGRESS', { at: new Decimal('0.50') }])
      expect(seen).toContainEqual(['invoice-paid', { invoice: 3 }])
      expect(seen).toContainEqual([
        expect.objectContaining({ amount: new Decimal('1.5') }),
        'it talks',
      ])
    })

    test('what a task has called, and whether it took its callbacks over, is known to the worker', async () => {
      const request = requestOf('pool.hands-over', [])
      const task = app.tasks.get('pool.hands-over')
      if (task === undefined) throw new Error('the fixture has no such task')
      const { outcome } = pool.run({ request, task, environment: environmentOf({}) })
      expect(await outcome).toMatchObject({ kind: 'success', value: 0 })
      expect(childrenOf(request)).toMatchObject([{ id: 'called-by-it' }])
      expect(areFollowupsTaken(request)).toBe(true)
    })

    test('a value that is no data is refused as it is in this process', async () => {
      const outcome = await runIn(pool, 'unsendable').outcome
      expect(outcome.kind).toBe('success')
      const { value } = outcome as { value: { inner: readonly unknown[] } } // just seen
      expect(value.inner[0]).toBeTypeOf('function')
    })

    test('several run side by side, each to its own outcome', async () => {
      const runs = [1, 2, 3].map((n) => runIn(pool, 'waits', [n]))
      const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
      expect(outcomes).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
    })

    test.each([
      ['abandoned', (run: PoolRun) => run.abandon(), { kind: 'abandoned' }],
      [
        'terminated',
        (run: PoolRun) => run.terminate({ reason: 'revoked', signum: 15 }),
        { kind: 'revoked', reason: 'terminated', signum: 15 },
      ],
    ])('a function that never ends is %s, once', async (_, end, outcome) => {
      const run = runIn(pool, 'never')
      end(run)
      expect(await run.outcome).toMatchObject(outcome)
      run.abandon()
      expect(await run.outcome).toMatchObject(outcome)
      expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
    })

    test('a function that never ends fails at its hard time limit', async () => {
      const { outcome } = runIn(pool, 'never', [], { limits: { timeLimit: 0.05 } })
      expect(await outcome).toMatchObject({
        kind: 'failure',
        error: expect.objectContaining({ name: 'TimeLimitExceeded', seconds: 0.05 }),
      })
    })

    test('at its soft time limit the signal of a task aborts', async () => {
      const { outcome } = runIn(pool, 'soft', [], { limits: { softTimeLimit: 0.05 } })
      expect(await outcome).toMatchObject({
        kind: 'failure',
        error: expect.objectContaining({ name: 'SoftTimeLimitExceeded', seconds: 0.05 }),
      })
    })

    test('it can be grown, shrunk and restarted while it runs', async () => {
      pool.resize(4)
      pool.restart()
      const runs = [1, 2, 3, 4].map((n) => runIn(pool, 'waits', [n]))
      expect(await Promise.all(runs.map(({ outcome }) => outcome))).toHaveLength(4)
      pool.resize(2)
      expect(await runIn(pool, 'echo', [1]).outcome).toMatchObject({ value: [1] })
      expect(pool.pids.length).toBeLessThanOrEqual(2)
    })
  })
}

function requestOf(task: string, args: readonly unknown[]): TaskRequest {
  return {
    id: 'call-1',
    task,
    args,
    kwargs: {},
    retries: 0,
    softTimeLimit: null,
    timeLimit: null,
    callbacks: null,
    errbacks: null,
    rootId: 'call-1',
    priority: null,
  } as unknown as TaskRequest // the rest of a request is of no use to a pool
}

function environmentOf({ limits, environment }: RunOptions): RunEnvironment {
  return {
    logger: silentLogger,
    saveState: async () => undefined,
    sendEvent: async () => undefined,
    addToChord: () => Promise.reject(new Error('there is no chord')),
    limits: { softTimeLimit: null, timeLimit: null, ...limits },
    ...environment,
  }
}
