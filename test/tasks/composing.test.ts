import { expect, expectTypeOf, test } from 'vitest'
import {
  type AsyncResult,
  chain,
  chord,
  type GroupResult,
  group,
  type Signature,
  type TaskContext,
} from '../../src/index.ts'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

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

test('callbacks of a chain within a chain are its own, not of the steps behind it', async () => {
  const { add, sum } = await workingTasks()
  const [callback, errback] = [add.s(10), add.s(20)]
  const inner = chain(add.s(1, 1), group(add.s(1), add.s(2)))
    .link(callback)
    .linkError(errback)
  const { kwargs } = chain(inner, sum.s()).toJSON()
  const [first, second] = (kwargs as { tasks: readonly SignatureDict[] }).tasks
  const { header, body } = Object(second?.kwargs) as { header: SignatureDict; body: SignatureDict }
  const members = header.kwargs.tasks as readonly SignatureDict[]
  const linkedTo = ({ options }: SignatureDict) => [options.link, options.link_error]
  const [once, caught] = [{ ...callback.toJSON(), immutable: true }, errback.toJSON()]
  expect([first, ...members, body].map((one) => one && linkedTo(one))).toEqual([
    [undefined, [caught]],
    [[once], [caught]],
    [undefined, [caught]],
    [undefined, undefined],
  ])
})

test('an empty group has no results, and is the header of a chord at once', async () => {
  const { sum } = await workingTasks()
  const result = await group([]).applyAsync()
  expect(await result.join(WAIT)).toEqual([])
  expect(await result.status()).toBe('SUCCESS')
  expect(await (await chord(group([]), sum.s()).applyAsync()).get(WAIT)).toBe(0)
})

test('what is no signature is named where a workflow is made of it', async () => {
  const { add, sum } = await workingTasks()
  // As callers without types could.
  const compose = group as (...members: readonly unknown[]) => unknown
  expect(() => compose(add)).toThrow(/cannot make a group of "export.add", expected signatures/)
  expect(() => compose([[add.s(1, 1)]])).toThrow(/a list in a list/)
  expect(() => chord([add.s(1, 1)], sum as unknown as Signature)).toThrow(/"export.sum"/)
  expect(() => chain([])).toThrow(/a chain needs at least one signature/)
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

test.each(['set on it', 'given to the call'])(
  'options of a workflow that are %s are heeded',
  async (how) => {
    const { add, sum, calls } = await workingTasks()
    const options = { priority: 4, headers: { tenant: 'acme' }, timeLimit: 50 }
    const run = async (workflow: Signature, { length }: { readonly length: number }) => {
      calls.length = 0
      const isSet = how === 'set on it'
      const started = isSet
        ? await workflow.set(options).applyAsync()
        : await workflow.applyAsync([], options)
      await started.get(WAIT)
      await waitFor('all calls', () => calls.length === length)
      return [...calls]
    }
    const [own, first, other] = [
      [7, 'own', [50, null]],
      [4, 'acme', [50, null]],
      [4, 'acme', [null, null]],
    ]
    const odd = add.s(1).set({ priority: 7, headers: { tenant: 'own' } })
    expect(await run(chain(add.s(1, 1), add.s(2)), { length: 2 })).toEqual([first, other])
    expect(await run(group(add.s(1, 1), odd.clone([1])), { length: 2 })).toEqual([first, own])
    expect(await run(chord([add.s(1, 1)], sum.s()), { length: 2 })).toEqual([first, first])
    expect(await run(chain(odd.clone([1]), chain(add.s(2))), { length: 2 })).toEqual([own, other])
  },
)

test('options of a chain in a chain and of the group in a chord are heeded', async () => {
  const { add, sum, calls } = await workingTasks()
  const inner = chain(add.s(1), add.s(2)).set({ priority: 5, timeLimit: 50 })
  const header = group(add.s(1, 1)).set({ priority: 6, timeLimit: 60 })
  await (await chain(chord(header, sum.s()), inner).applyAsync()).get(WAIT)
  expect(calls.map(([priority, , limits]) => [priority, limits])).toEqual([
    [6, [60, null]],
    [0, [null, null]],
    [5, [50, null]],
    [5, [null, null]],
  ])
})

test('a callback of a group is called once, one of its errbacks by each member that fails', async () => {
  const { add, fail, note, notes } = await workingTasks()
  const members = group(add.s(1, 1), fail.s(), fail.s()).link(note.s('linked')).linkError(note.s())
  const result = await members.applyAsync()
  await waitFor('callback and errbacks', () => notes.length === 3)
  const [, first, second] = result.results.map(({ id }) => id)
  expect(new Set(notes)).toEqual(new Set(['linked', first, second]))
})

test('the errback of a chain in a chain is called', async () => {
  const { add, fail, note, notes } = await workingTasks()
  const inner = chain(fail.si(), add.s(1)).linkError(note.s())
  const result = await chain(add.s(1, 1), inner).applyAsync()
  await expect(result.get(WAIT)).rejects.toThrow('no')
  await waitFor('the errback', () => notes.length === 1)
})

test('a signature that is an argument arrives as its dict', async () => {
  const { add, same } = await workingTasks()
  const sent = add.s(1, 2)
  expect(await (await same.delay(sent)).get(WAIT)).toEqual(sent.toDict())
})

test('a workflow knows of what type its result is', async () => {
  const { add, digits, sum, shout } = await workingTasks()
  expectTypeOf(chain(add.s(1, 1), add.s(2)).applyAsync).returns.resolves.toEqualTypeOf<
    AsyncResult<number>
  >()
  expectTypeOf(chain([shout.s('a'), shout.s()]).applyAsync).returns.resolves.toEqualTypeOf<
    AsyncResult<string>
  >()
  expectTypeOf(group(add.s(1, 1), digits.s(2)).applyAsync).returns.resolves.toEqualTypeOf<
    GroupResult<number>
  >()
  expectTypeOf(group([add.s(1, 1), shout.s('a')]).applyAsync).returns.resolves.toEqualTypeOf<
    GroupResult<number | string>
  >()
  expectTypeOf(chord(group([add.s(1, 1)]), sum.s()).applyAsync).returns.resolves.toEqualTypeOf<
    AsyncResult<number>
  >()
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
  const calls: unknown[][] = []
  const notes: string[] = []
  const seen = ({ request: { priority, headers } }: TaskContext): void => {
    calls.push([priority, headers.tenant, headers.timelimit])
  }
  const tasks = {
    calls,
    notes,
    add: app.task('export.add', { bind: true }, (self, x: number, y: number) => {
      seen(self)
      return x + y
    }),
    fail: app.task('export.fail', () => {
      throw new RangeError('no')
    }),
    note: app.task('export.note', (what: string) => void notes.push(what)),
    digits: app.task(
      'export.digits',
      { params: ['x', 'y', 'z'] },
      (x: number, y: number, z?: number) => x * 100 + y * 10 + (z ?? 0),
    ),
    sum: app.task('export.sum', { bind: true }, (self, numbers: readonly number[]) => {
      seen(self)
      return numbers.reduce((total, number) => total + number, 0)
    }),
    same: app.task('export.same', (value: unknown) => value),
    shout: app.task('export.shout', (text: string) => text.toUpperCase()),
  }
  await startWorker(app)
  return tasks
}
