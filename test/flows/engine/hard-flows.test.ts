import {
  Engine,
  graph,
  type History,
  linear,
  link,
  Retry,
  task,
  times,
  unordered,
} from 'celery-toolbox/flows'
import { expect, test } from 'vitest'

const MANY = 20_000

function fail(): never {
  throw new Error('no')
}

test('a flow of 20,000 steps that a decider ignores one after another ends', async () => {
  const steps = Array.from({ length: MANY }, (_, n) => task(`s${n}`))
  const links = steps
    .slice(1)
    .map((step, n) => link(steps[n] ?? step, step, n === 0 ? { decider: () => false } : undefined))
  const flow = linear('f', {}, [graph('ignored', {}, steps, links), unordered('last', {}, [])])
  const engine = new Engine(flow)
  await engine.run()
  expect(engine.atoms().filter(({ state }) => state === 'IGNORE')).toHaveLength(MANY - 1)
})

test('a step runs after 20,000 empty flows, and is reverted', async () => {
  const flows = Array.from({ length: MANY }, (_, n) => linear(`f${n}`, {}, []))
  const engine = new Engine(linear('f', {}, [task('a'), ...flows, task('z', { execute: fail })]))
  await expect(engine.run()).rejects.toThrow('no')
  expect(engine.atoms().map(({ state }) => state)).toEqual(['REVERTED', 'REVERTED'])
})

test('a revert may change the failures that it was given: other reverts have their own', async () => {
  const given: string[][] = []
  const flow = linear('f', {}, [
    task('a', { revert: ({ failures }) => given.push(Object.keys(failures)) }),
    task('b', {
      execute: fail,
      revert: ({ failures }) => {
        failures.mine = 1
        given.push(Object.keys(failures))
      },
    }),
  ])
  await expect(new Engine(flow).run()).rejects.toThrow('no')
  expect(given).toEqual([['b', 'mine'], ['b']])
})

test('a thrown value that cannot be read is a failure of its step, and is thrown at the end', async () => {
  const unreadable = Object.create(null)
  const engine = new Engine(
    linear('f', {}, [
      task('a'),
      task('b', {
        execute: () => {
          throw unreadable
        },
      }),
    ]),
  )
  const thrown = await engine.run().catch((error: unknown) => error)
  expect(thrown).toBe(unreadable)
  expect(engine.atoms().map(({ state }) => state)).toEqual(['REVERTED', 'REVERTED'])
  expect(engine.failures().b?.message).toBe('an error that cannot be read')
})

test('NaN for a delay, a timeout, a priority or a retry’s delay is refused: it would be waited for without end', () => {
  for (const key of ['delayMs', 'timeoutMs', 'priority'])
    expect(() => task('a', { [key]: Number.NaN })).toThrow(`${key} of "a" is NaN`)
  expect(() => times('r', { delay: { delayMs: Number.NaN } })).toThrow('delayMs of "r" is NaN')
})

test('a parallel engine without a worker is refused', () => {
  for (const maxWorkers of [0, -1, Number.NaN])
    expect(() => new Engine(task('a'), { kind: 'parallel', maxWorkers })).toThrow(
      `maxWorkers is ${maxWorkers}, expected a number from 1`,
    )
})

test('10,000 links with deciders lead to one step, and each decider sees all results', async () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `t${at}`)
  let asked = 0
  const decider = (history: Readonly<Record<string, unknown>>): boolean => {
    // All keys once: counting them for each decider would take longer than the flow.
    if (asked === 0) expect(Object.keys(history)).toHaveLength(10_000)
    return history[names[asked++] ?? ''] === true
  }
  const steps = [...names, 'last'].map((name) => task(name, { execute: () => true }))
  const links = names.map((name) => link(name, 'last', { decider }))
  const engine = new Engine(graph('f', {}, steps, links))
  await engine.run()
  expect(engine.state).toBe('SUCCESS')
  expect(asked).toBe(10_000)
})

test("the history that a retry of one's own is asked with stays as it was then", async () => {
  const asked: unknown[] = []
  class Kept extends Retry {
    override onFailure({ history }: { history: History }): 'REVERT' {
      asked.push(history)
      return 'REVERT'
    }
  }
  const failing = ['a', 'b', 'c'].map((name) =>
    task(name, {
      execute: () => {
        throw new Error(name)
      },
    }),
  )
  const engine = new Engine(unordered('f', { retry: new Kept('kept') }, failing))
  await expect(engine.run()).rejects.toThrow()
  const failed = (asked as History[]).map((history) => Object.keys(history[0]?.[1] ?? {}))
  expect(failed).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c']])
})
