import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Engine,
  FileStore,
  graph,
  type Item,
  linear,
  link,
  MemoryStore,
  mapTask,
  reduceTask,
  task,
  times,
  unordered,
  waitFor,
} from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'flows-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

test('a suspended flow goes on in a second engine over the same store', async () => {
  const calls: string[] = []
  const make = () =>
    linear(
      'f',
      {},
      ['a', 'b', 'c'].map((name) => task(name, { execute: () => calls.push(name) })),
    )
  const persist = new MemoryStore()
  const first = new Engine(make(), { persist, flowId: 'f1' })
  first.on('task', ({ name, state }) => name === 'a' && state === 'SUCCESS' && first.suspend())
  await first.run()
  expect([first.state, calls]).toEqual(['SUSPENDED', ['a']])
  const second = new Engine(make(), { persist, flowId: 'f1' })
  const states: string[] = []
  second.on('flow', ({ state, oldState }) => states.push(`${oldState}>${state}`))
  await second.run()
  expect([second.state, calls, states]).toEqual([
    'SUCCESS',
    ['a', 'b', 'c'],
    ['SUSPENDED>RUNNING', 'RUNNING>SUCCESS'],
  ])
})

test('a reverted flow runs again from its start', async () => {
  let runs = 0
  const flaky = task('a', {
    execute: () => {
      runs += 1
      if (runs === 1) throw new Error('first')
    },
  })
  const engine = new Engine(linear('f', {}, [flaky]))
  await expect(engine.run()).rejects.toThrow('first')
  expect(engine.state).toBe('REVERTED')
  await engine.run()
  expect([engine.state, runs]).toEqual(['SUCCESS', 2])
})

test('the error of a single failure is the very object that was thrown', async () => {
  const error = new Error('this one')
  const engine = new Engine(task('a', { execute: () => Promise.reject(error) }))
  await expect(engine.run()).rejects.toBe(error)
})

test('two failures of a parallel engine come as one WrappedFailure', async () => {
  const failing = (name: string) => task(name, { execute: () => Promise.reject(new Error(name)) })
  const engine = new Engine(unordered('f', {}, [failing('x'), failing('y'), task('ok')]), {
    kind: 'parallel',
  })
  await expect(engine.run()).rejects.toMatchObject({
    name: 'WrappedFailure',
    failures: { length: 2 },
  })
  expect(engine.state).toBe('REVERTED')
})

test('missing symbols are named before anything runs', async () => {
  const calls: string[] = []
  const engine = new Engine(
    linear('f', {}, [
      task('a', { execute: () => calls.push('a') }),
      task('b', { args: ['nope', 'gone'] }),
    ]),
  )
  await expect(engine.run()).rejects.toMatchObject({
    name: 'MissingDependencies',
    missing: ['gone', 'nope'],
  })
  expect([engine.state, calls]).toEqual(['PENDING', []])
})

test('a revert that fails ends the flow, and atoms before stay done', async () => {
  const items = [
    task('a'),
    task('b', { revert: () => Promise.reject(new Error('cannot')) }),
    task('c', { execute: () => Promise.reject(new Error('broke')) }),
  ]
  const engine = new Engine(linear('f', {}, items))
  await expect(engine.run()).rejects.toThrow('cannot')
  expect(engine.atoms().map(({ state }) => state)).toEqual([
    'SUCCESS',
    'REVERT_FAILURE',
    'REVERTED',
  ])
  expect(engine.state).toBe('FAILURE')
})

test.each([
  ['duplicate names', () => linear('f', {}, [task('a'), task('a')]), 'Duplicate'],
  [
    'a cycle',
    () => graph('g', {}, [task('a'), task('b')], [link('a', 'b'), link('b', 'a')]),
    'DependencyFailure',
  ],
  [
    'two providers',
    () =>
      graph('g', {}, [
        task('a', { provides: 'x' }),
        task('b', { provides: 'x' }),
        task('c', { args: ['x'] }),
      ]),
    'AmbiguousDependency',
  ],
  ['a name that is no key', () => task('__proto__'), 'CompilationFailure'],
  [
    'a symbol that is no key',
    () => task('a', { provides: ['x', '__proto__'] }),
    'CompilationFailure',
  ],
  ['names that are no list', () => task('a', { args: 'xy' as never }), 'CompilationFailure'],
  ['a flow without items', () => linear('f', {}, undefined as never), 'CompilationFailure'],
  ['a retry that is none', () => linear('f', { retry: 3 as never }, []), 'CompilationFailure'],
  ['an unknown link', () => graph('g', {}, [task('a')], [link('a', 'z')]), 'DependencyFailure'],
] as const)('%s are refused by name of the error', async (_, make, name) => {
  await expect(async () => new Engine(make()).run()).rejects.toMatchObject({ name })
})

test('map and reduce take the values of other tasks', async () => {
  const items: Item[] = [
    task('a', { provides: 'x', execute: () => 2 }),
    task('b', { provides: 'y', execute: () => 3 }),
    mapTask('squares', { args: ['x', 'y'], provides: 'squares', map: (value) => value * value }),
    reduceTask('sum', { args: ['x', 'y'], provides: 'sum', reduce: (sum, value) => sum + value }),
  ]
  const engine = new Engine(linear('f', {}, items))
  await engine.run()
  expect(await engine.fetchAll()).toMatchObject({ squares: [4, 9], sum: 5 })
})

test('a step waits for its signal, and fails when none comes in time', async () => {
  const make = () => linear('f', {}, [waitFor('go', { provides: 'answer', timeout: 60_000 })])
  const engine = new Engine(make(), { waits: 'release', persist: new MemoryStore(), flowId: 'w' })
  await engine.run()
  expect([engine.state, engine.waitsFor?.signals]).toEqual(['SUSPENDED', ['go']])
  const held = new Engine(make(), { now: () => Date.now() })
  const running = held.run()
  await new Promise((resolve) => setImmediate(resolve))
  held.signal('go', 7)
  await running
  expect(await held.fetchAll()).toEqual({ answer: 7 })
  let now = 0
  const late = new Engine(make(), { now: () => (now += 50_000) })
  await expect(late.run()).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('a result that cannot be stored fails its atom', async () => {
  const engine = new Engine(task('a', { execute: () => () => undefined }), {
    persist: new FileStore(folder(), { isSynced: false }),
  })
  await expect(engine.run()).rejects.toThrow('the result of "a" cannot be stored')
  expect(engine.state).toBe('REVERTED')
})

test('values come back from files as they were: dates, bytes, long integers', async () => {
  const value = {
    at: new Date(0),
    bytes: Buffer.from('x'),
    long: 12345678901234567890n,
    nul: '\u0000',
  }
  const path = folder()
  const make = () => task('a', { provides: 'v', execute: () => value })
  await new Engine(make(), { persist: new FileStore(path), flowId: 'f1' }).run()
  const again = new Engine(make(), { persist: new FileStore(path), flowId: 'f1' })
  await again.run()
  expect((await again.fetchAll()).v).toMatchObject({ long: value.long, nul: value.nul })
})

test('10,000 atoms are compiled within a second, and retried and reverted without walking the graph for each', async () => {
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    task(`t${index}`, {
      provides: `s${index}`,
      args: index === 0 ? [] : [`s${index - 1}`],
      execute: () => index,
    }),
  )
  const engine = new Engine(linear('long', { retry: times('r') }, chain))
  expect(engine.compile().atoms).toHaveLength(10_001)
  await engine.run()
  expect(await engine.fetch('s9999')).toBe(9_999)
})

test('links by name of 10,000 atoms are found without a search for each', () => {
  const items = Array.from({ length: 10_000 }, (_, index) => task(`t${index}`))
  const links = items.slice(1).map((_, index) => link(`t${index}`, `t${index + 1}`))
  const { user: before } = process.cpuUsage()
  expect(new Engine(graph('g', {}, items, links)).compile().atoms).toHaveLength(10_000)
  expect(process.cpuUsage().user - before).toBeLessThan(1_500_000)
})

test('an iterator passes the states of the loop, of each batch WAITING too', async () => {
  const states: string[] = []
  for await (const state of new Engine(linear('f', {}, [task('a'), task('b')])).runIter())
    states.push(state)
  const batch = ['SCHEDULING', 'WAITING', 'ANALYZING']
  expect(states).toEqual(['RESUMING', ...batch, ...batch, 'SUCCESS'])
})

test('a closed iterator suspends the flow', async () => {
  const engine = new Engine(linear('f', {}, [task('a'), task('b')]))
  for await (const state of engine.runIter()) if (state === 'ANALYZING') break
  expect(engine.state).toBe('SUSPENDED')
  await engine.run()
  expect(engine.state).toBe('SUCCESS')
})
