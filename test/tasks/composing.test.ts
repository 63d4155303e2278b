import { expect, expectTypeOf, test } from 'vitest'
import {
  type AsyncResult,
  chain,
  chord,
  type GroupResult,
  group,
  type Signature,
} from '../../src/index.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

const WAIT = { timeoutMs: 8_000 }

test('chain, group and chord take their signatures one by one or in a list', async () => {
  const { add, sum } = await workingTasks()
  const members = [1, 2].map((number) => add.s(number, number))
  const results = await Promise.all([
    chain([add.s(1, 1), add.s(2)]).applyAsync(),
    group(members).applyAsync(),
    chord(group(members), sum.s()).applyAsync(),
    chord(members, sum.s()).applyAsync(),
    chord(add.s(1, 1), sum.s()).applyAsync(),
  ])
  expect(await Promise.all(results.map((result) => (result as AsyncResult).get(WAIT)))).toEqual([
    4,
    [2, 4],
    6,
    6,
    2,
  ])
})

test('a group of nobody has no results, and is the header of a chord at once', async () => {
  const { sum } = await workingTasks()
  const result = await group([]).applyAsync()
  expect(await result.join(WAIT)).toEqual([])
  expect(await result.status()).toBe('SUCCESS')
  expect(await (await chord(group([]), sum.s()).applyAsync()).get(WAIT)).toBe(0)
  expect(await (await chain(group([]), sum.s()).applyAsync()).get(WAIT)).toBe(0)
})

test('what is no signature is named where a workflow is made of it', async () => {
  const { add, sum } = await workingTasks()
  // As callers without types could.
  const compose = group as (...members: readonly unknown[]) => unknown
  expect(() => compose(add)).toThrow(/cannot make a group of "export.add", expected signatures/)
  expect(() => compose([[add.s(1, 1)]])).toThrow(/a list in a list/)
  expect(() => chord([add.s(1, 1)], sum as unknown as Signature)).toThrow(/"export.sum"/)
  expect(() => chain([])).toThrow(/cannot make a chain of nothing/)
})

test.each<readonly [string, (tasks: Tasks) => Signature, unknown]>([
  ['a signature', ({ digits }) => digits.s(1), 130],
  ['each member of a group', ({ digits }) => group(digits.s(1), digits.s(2)), [130, 230]],
  ['the first step of a chain', ({ digits, add }) => chain(digits.s(1), add.s(1)), 131],
  ['the header of a chord', ({ digits, sum }) => chord([digits.s(1), digits.s(2)], sum.s()), 360],
])('kwargs of the call are those of %s', async (_whose, make, value) => {
  const result = await make(await workingTasks()).applyAsync([], { kwargs: { y: 3 } })
  expect(await result.get(WAIT)).toEqual(value)
})

test('chunks are a group, as a step of a chain and as the header of a chord too', async () => {
  const { add, digits, same } = await workingTasks()
  const chunks = add.chunks([...[1, 2, 3].map((n) => [n, n] as const)], 2)
  const results = await Promise.all([
    chain(chunks, same.s()).applyAsync(),
    chord(chunks, same.s()).applyAsync(),
    chord([chunks, digits.s(1, 2)], same.s()).applyAsync(),
  ])
  expect(await Promise.all(results.map((result) => result.get(WAIT)))).toEqual([
    [[2, 4], [6]],
    [[2, 4], [6]],
    [[2, 4], [6], 120],
  ])
})

test('a workflow knows of what type its result is', async () => {
  const { add, digits, sum, shout } = await workingTasks()
  expectTypeOf(chain(add.s(1, 1), shout.s())).toEqualTypeOf<Signature<string>>()
  expectTypeOf(chain([shout.s('a'), add.s(1)]).applyAsync).returns.resolves.toEqualTypeOf<
    AsyncResult<number>
  >()
  expectTypeOf(group(add.s(1, 1), digits.s(2)).applyAsync).returns.resolves.toEqualTypeOf<
    GroupResult<number>
  >()
  expectTypeOf(group([add.s(1, 1), shout.s('a')]).applyAsync).returns.resolves.toEqualTypeOf<
    GroupResult<number | string>
  >()
  expectTypeOf(chord(group([add.s(1, 1)]), shout.s())).toEqualTypeOf<Signature<string>>()
  expectTypeOf(
    chain(add.s(1, 1), group(add.s(1), add.s(2))).applyAsync,
  ).returns.resolves.toEqualTypeOf<AsyncResult<readonly number[]>>()
  const stamped = group(add.s(1, 1)).stamp({ tenant: 'acme' })
  expectTypeOf(stamped.applyAsync).returns.resolves.toEqualTypeOf<GroupResult<number>>()
  expect(await (await chord(stamped, sum.s()).applyAsync()).get(WAIT)).toBe(2)
})

type Tasks = Awaited<ReturnType<typeof workingTasks>>

async function workingTasks() {
  const app = embeddedApp()
  const tasks = {
    add: app.task('export.add', (x: number, y: number) => x + y),
    digits: app.task(
      'export.digits',
      { params: ['x', 'y', 'z'] },
      (x: number, y: number, z?: number) => x * 100 + y * 10 + (z ?? 0),
    ),
    sum: app.task('export.sum', (numbers: readonly number[]) =>
      numbers.reduce((total, number) => total + number, 0),
    ),
    same: app.task('export.same', (value: unknown) => value),
    shout: app.task('export.shout', (text: string) => text.toUpperCase()),
  }
  await startWorker(app)
  return tasks
}
