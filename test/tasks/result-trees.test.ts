import { expect, test } from 'vitest'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'
import { AsyncResult } from '../../src/results/async-result.ts'
import { GroupResult } from '../../src/results/group-result.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'

const WAIT = { timeoutMs: 8_000 }

test('the result of a chain has the results of the steps before it as its parents', async () => {
  const { app, add } = await workingApp()
  const result = await chain(add.s(1, 1), add.s(2), add.s(3)).applyAsync()
  expect(await result.get(WAIT)).toBe(7)
  expect(await valuesUp(result)).toEqual([7, 4, 2])
  expect(await app.asyncResult(result.id).parent).toBeNull()
})

test('the result of a chord has the group of its header as its parent', async () => {
  const { add, sum } = await workingApp()
  const result = await chord([add.s(1, 1), add.s(2, 2)], sum.s()).applyAsync()
  expect(await result.get(WAIT)).toBe(6)
  expect(await valuesUp(result)).toEqual([6, [2, 4]])
  expect(result.parent).toBeInstanceOf(GroupResult)
})

test('a chord in the middle of a chain is in its tree, ids of its members included', async () => {
  const { add, sum } = await workingApp()
  const middle = chord([add.s(1), chain(add.s(2), add.s(10))], sum.s())
  const result = await chain(add.s(1, 1), middle, add.s(100)).applyAsync()
  expect(await result.get(WAIT)).toBe(117)
  expect(await valuesUp(result)).toEqual([117, 17, [3, 14], 2])
})

test.each<readonly [string, (parts: Parts) => ReturnType<typeof chain>, unknown[]]>([
  [
    'that begins with a group',
    ({ add, sum }) => chain(group(add.s(1, 1), add.s(2, 2)), sum.s(), add.s(1)),
    [7, 6, [2, 4]],
  ],
  [
    'that begins with a chord whose body is a chain',
    ({ add, sum }) => chain(chord([add.s(1, 1), add.s(2, 2)], chain(sum.s(), add.s(1))), add.s(1)),
    [8, 7, 6, [2, 4]],
  ],
  [
    'that ends with a group',
    ({ add }) => chain(add.s(1, 1), add.s(1), group(add.s(1), add.s(2))),
    [[4, 5], 3, 2],
  ],
  [
    'with two groups',
    ({ add, sum }) =>
      chain(group(add.s(1, 1), add.s(2, 2)), sum.s(), group(add.s(1), add.s(2)), sum.s()),
    [15, [7, 8], 6, [2, 4]],
  ],
])('the tree of a chain %s is whole', async (_what, make, values) => {
  const parts = await workingApp()
  const result = await make(parts).applyAsync()
  await result.get(WAIT)
  expect(await valuesUp(result)).toEqual(values)
})

test('a tree is written and read in the form of Python', async () => {
  const { app, add, sum } = await workingApp()
  const result = await chain(group(add.s(1, 1), add.s(2, 2)), sum.s(), add.s(1)).applyAsync()
  const [first, second] = (result.parent?.parent as GroupResult | null)?.results ?? []
  const header = [
    [result.parent?.parent?.id, null],
    [
      [[first?.id, null], null],
      [[second?.id, null], null],
    ],
  ]
  expect(result.asTuple()).toEqual([[result.id, [[result.parent?.id, header], null]], null])
  const again = app.resultFromTuple(JSON.parse(JSON.stringify(result.asTuple())))
  expect(again.asTuple()).toEqual(result.asTuple())
  expect(await again.get(WAIT)).toBe(7)
  expect(await valuesUp(again)).toEqual([7, 6, [2, 4]])
})

test.each([[null], ['id'], [[]], [[1, null]], [[[1, null], null]]])(
  '%j is no tree of results',
  async (tuple) => {
    const { app } = await workingApp()
    expect(() => app.resultFromTuple(tuple)).toThrow(
      expect.objectContaining({ code: 'RESULT_UNREADABLE' }),
    )
  },
)

test('a result has what its task called: tasks one by one, a group as one', async () => {
  const { add, calls } = await workingApp()
  const result = await calls.delay()
  await result.get(WAIT)
  const children = await result.children()
  expect(children.map((child) => child instanceof GroupResult)).toEqual([false, true, false])
  expect(await Promise.all(children.map(async (child) => child.get(WAIT)))).toEqual([3, [2, 4], 5])
  expect(add.name).toBe('export.add')
})

test('what follows a task in its chain is its child', async () => {
  const { add } = await workingApp()
  const result = await chain(add.s(1, 1), add.s(2), add.s(3)).applyAsync()
  await result.get(WAIT)
  const first = result.parent?.parent
  const below = (await first?.children()) ?? []
  expect(below.map(({ id }) => id)).toEqual([result.parent?.id])
})

test('a walk waits for a result and for all that came of it', async () => {
  const { calls } = await workingApp()
  const result = await calls.delay()
  const values: unknown[] = []
  for await (const [, value] of result.collect(WAIT)) values.push(value)
  expect(values).toEqual(['called', 3, [2, 4], 5, 2, 4])
})

test('a walk ends where a result is not there, unless it may be incomplete', async () => {
  const { app } = await workingApp()
  const nobody = app.asyncResult('nobody')
  const walk = async (intermediate: boolean) => {
    const ids: string[] = []
    for await (const [, { id }] of nobody.dependencies({ intermediate })) ids.push(id)
    return ids
  }
  await expect(walk(false)).rejects.toMatchObject({ code: 'RESULT_INCOMPLETE' })
  expect(await walk(true)).toEqual(['nobody'])
})

test('forgetting a result forgets those before it', async () => {
  const { add, sum } = await workingApp()
  const result = await chain(add.s(1, 1), group(add.s(1), add.s(2)), sum.s()).applyAsync()
  await result.get(WAIT)
  expect(await result.exists()).toBe(true)
  await result.forget()
  const members = (result.parent as GroupResult | null)?.results ?? []
  const all = [result, ...members, result.parent?.parent]
  expect(await Promise.all(all.map(async (each) => each?.exists()))).toEqual([
    false,
    false,
    false,
    false,
  ])
})

test('a result without a connection to workers says how to revoke', async () => {
  const result = new AsyncResult('lonely', { store: () => Promise.reject(new Error('none')) })
  await expect(result.revoke()).rejects.toMatchObject({
    code: 'RESULT_UNSUPPORTED',
    message: expect.stringContaining('app.control.revoke("lonely")'),
  })
})

test('ids in the header of a chord further down a chain are fixed before it is sent', async () => {
  const { app, add, sum } = await workingApp()
  const sent: SignatureDict[] = []
  const note = app.task('export.note', { bind: true }, (self) => {
    sent.push(...(self.request.chain ?? []))
  })
  const result = await chain(note.s(), chord([add.si(1, 1), add.si(2, 2)], sum.s())).applyAsync()
  expect(await result.get(WAIT)).toBe(6)
  const [step] = sent
  expect(step?.kwargs.header).toMatchObject({
    subtask_type: 'group',
    options: { task_id: result.parent?.id },
    kwargs: {
      tasks: (result.parent as GroupResult | null)?.results.map(({ id }) => ({
        options: { task_id: id },
      })),
    },
  })
})

test('the body of a chord that Python sends on keeps its id, though the chord has that of its header', async () => {
  const { app, add, sum } = await workingApp()
  const body = sum.s().set({ taskId: 'the-body' }).toDict()
  const header = { ...group(add.s(1, 1)).toDict(), options: { task_id: 'the-header' } }
  const whole = chord([add.s(1, 1)], sum.s()).toDict()
  const kwargs = { ...whole.kwargs, header, body }
  const started = await app.start({ ...whole, kwargs, options: { task_id: 'the-header' } })
  expect(started).toMatchObject({ id: 'the-body', parent: { id: 'the-header' } })
  expect(await app.asyncResult('the-body').get(WAIT)).toBe(2)
})

type Parts = Awaited<ReturnType<typeof workingApp>>

async function workingApp() {
  const app = embeddedApp()
  const add = app.task('export.add', (a: number, b: number) => a + b)
  const sum = app.task('export.sum', (all: readonly number[]) => all.reduce((a, b) => a + b, 0))
  const calls = app.task('export.calls', async () => {
    await add.delay(1, 2)
    await group(add.s(1, 1), add.s(2, 2)).applyAsync()
    await add.delay(2, 3)
    return 'called'
  })
  await startWorker(app)
  return { app, add, sum, calls }
}

/** The value of a result, then those of the steps before it. */
async function valuesUp(result: AsyncResult | null): Promise<unknown[]> {
  if (result === null) return []
  return [await result.get(WAIT), ...(await valuesUp(result.parent))]
}
