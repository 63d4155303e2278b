import { expect, test } from 'vitest'
import { deferred } from '../../../src/async/deferred.ts'
import {
  Engine,
  graph,
  link,
  MemoryStore,
  StorageFailure,
  task,
  times,
  unordered,
} from '../../../src/flows/index.ts'
import type { Change } from '../../../src/flows/storage/flow-store.ts'

/** Cannot keep the end of the atom a. */
class FullStore extends MemoryStore {
  override save(change: Change): undefined {
    const isEnd = change.atoms.some(({ name, state }) => name === 'a' && state === 'SUCCESS')
    if (isEnd) return Promise.reject(new StorageFailure('the disk is full')) as never
    return super.save(change)
  }
}

test('once the engine has failed no other atom starts, and the run ends with those under way', async () => {
  const calls: string[] = []
  const gate = deferred()
  const flow = unordered('f', {}, [
    task('a', { execute: () => void calls.push('a') }),
    task('b', { execute: () => gate.promise.then(() => void calls.push('b')) }),
    task('c', { execute: () => void calls.push('c') }),
    task('d', { execute: () => void calls.push('d') }),
  ])
  const engine = new Engine(flow, { kind: 'parallel', maxWorkers: 2, persist: new FullStore() })
  let isOver = false
  const running = engine.run().finally(() => {
    isOver = true
  })
  running.catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([calls, isOver]).toEqual([['a'], false])
  gate.resolve()
  await expect(running).rejects.toThrow('the disk is full')
  expect(calls).toEqual(['a', 'b'])
})

test('a run whose lease is lost ends at once, though an atom does not', async () => {
  const lost = new AbortController()
  const started = deferred()
  const stubborn = task('a', {
    execute: () => {
      started.resolve()
      return new Promise<never>(() => undefined)
    },
  })
  const engine = new Engine(stubborn, { kind: 'parallel', signal: lost.signal })
  const running = engine.run()
  await started.promise
  lost.abort(new Error('too late'))
  await expect(running).rejects.toMatchObject({ name: 'LeaseLost', cause: { message: 'too late' } })
})

test.each(['serial', 'parallel'] as const)(
  'a decider that throws ends a %s flow in FAILURE, with its error',
  async (kind) => {
    const persist = new MemoryStore()
    const refuses = () => {
      throw new TypeError('no such key')
    }
    const flow = graph('g', {}, [task('a'), task('b')], [link('a', 'b', { decider: refuses })])
    const engine = new Engine(flow, { kind, persist, flowId: 'f1' })
    await expect(engine.run()).rejects.toThrow('no such key')
    expect([engine.state, engine.hasEnded]).toEqual(['FAILURE', true])
    expect((await persist.load('f1'))?.flow.state).toBe('FAILURE')
  },
)

test('a flow that has ended for a job does not run again for it', async () => {
  const persist = new MemoryStore()
  const calls: string[] = []
  const make = () =>
    task('a', {
      execute: () => {
        calls.push('a')
        throw new Error('never')
      },
    })
  const options = { persist, flowId: 'f1', job: 'j1' }
  await expect(new Engine(make(), options).run()).rejects.toThrow('never')
  const second = new Engine(make(), options)
  await second.run()
  expect([second.state, second.hasEnded, calls]).toEqual(['REVERTED', true, ['a']])
  await expect(new Engine(make(), { ...options, job: 'j2' }).run()).rejects.toThrow('never')
  expect(calls).toEqual(['a', 'a'])
})

test('a decider is asked once where several atoms before its own end together', async () => {
  const asked: unknown[] = []
  const decider = (history: Record<string, unknown>) => {
    asked.push(history)
    return true
  }
  const flow = graph(
    'f',
    {},
    [task('a'), task('b', { provides: 'x' }), task('c', { args: ['x'] })],
    [link('a', 'c', { decider })],
  )
  await new Engine(flow).run()
  expect(asked).toHaveLength(1)
})

test('no decider is asked about what a failure that came at the same time reverts', async () => {
  const asked: unknown[] = []
  const flow = graph(
    'f',
    { retry: times('r', { attempts: 2 }) },
    [task('a'), task('b', { execute: failOnce() }), task('c', { execute: () => undefined })],
    [link('a', 'c', { decider: () => asked.push('c') > 0 })],
  )
  await new Engine(flow).run()
  expect(asked).toEqual(['c'])
})

function failOnce(): () => void {
  let calls = 0
  return () => {
    calls += 1
    if (calls === 1) throw new Error('not yet')
  }
}
