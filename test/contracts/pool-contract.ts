import { describe, expect, test, vi } from 'vitest'
import { silentLogger } from '../../src/logger.ts'
import type { TaskRequest } from '../../src/protocol/task-request.ts'
import type { Task } from '../../src/tasks/task.ts'
import type { Pool, PoolRun } from '../../src/worker/pools/pool.ts'

/** What every pool promises: pool.ts, in tests. */
export function poolContract(makePool: () => Pool): void {
  function runIn(pool: Pool, run: Task<readonly never[], unknown>['run'], timeLimit?: number) {
    return pool.run({ request: request(), task: taskOf(run), environment: environment(timeLimit) })
  }

  describe(`${makePool().name} pool`, () => {
    test('a value that is returned is a success, with how long it took', async () => {
      const { outcome } = runIn(makePool(), async () => 42)
      expect(await outcome).toMatchObject({ kind: 'success', value: 42 })
    })

    test('an error that is thrown is a failure, and never a rejection', async () => {
      const { outcome } = runIn(makePool(), () => {
        throw new TypeError('boom')
      })
      expect(await outcome).toMatchObject({ kind: 'failure', error: { message: 'boom' } })
    })

    test('several run side by side, each to its own outcome', async () => {
      const pool = makePool()
      const runs = [1, 2, 3].map((n) => runIn(pool, async () => n))
      const outcomes = await Promise.all(runs.map(({ outcome }) => outcome))
      expect(outcomes).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
    })

    test.each([
      ['abandoned', (run: PoolRun) => run.abandon(), { kind: 'abandoned' }],
      [
        'terminated',
        (run: PoolRun) => run.terminate({ reason: 'revoked', signum: 15 }),
        { kind: 'revoked', reason: 'terminated' },
      ],
    ])('a function that never ends is %s, once', async (_, end, outcome) => {
      const run = runIn(makePool(), neverEnds)
      end(run)
      expect(await run.outcome).toMatchObject(outcome)
      run.abandon()
      expect(await run.outcome).toMatchObject(outcome)
    })

    test('a function that never ends fails at its hard time limit', async () => {
      const { outcome } = runIn(makePool(), neverEnds, 0.02)
      expect(await outcome).toMatchObject({
        kind: 'failure',
        error: expect.objectContaining({ name: 'TimeLimitExceeded' }),
      })
    })

    test('no timer is left behind', async () => {
      vi.useFakeTimers()
      try {
        await runIn(makePool(), () => 1, 60).outcome
        expect(vi.getTimerCount()).toBe(0)
      } finally {
        vi.useRealTimers()
      }
    })
  })
}

async function neverEnds(): Promise<never> {
  return await new Promise(() => undefined)
}

function taskOf(run: Task<readonly never[], unknown>['run']): Task<readonly never[], unknown> {
  return { name: 'pool.task', run, options: {} } as unknown as Task<readonly never[], unknown> // the rest of a task publishes
}

function request(): TaskRequest {
  return {
    id: 'call-1',
    task: 'pool.task',
    args: [],
    kwargs: {},
    softTimeLimit: null,
    timeLimit: null,
  } as unknown as TaskRequest // the rest of a request is of no use to a pool
}

function environment(timeLimit = 0) {
  return {
    logger: silentLogger,
    saveState: async () => undefined,
    sendEvent: async () => undefined,
    addToChord: () => Promise.reject(new Error('there is no chord')),
    limits: { softTimeLimit: null, timeLimit },
  }
}
