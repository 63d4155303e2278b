import { expect, test } from 'vitest'
import {
  type CeleryApp,
  chain,
  chord,
  group,
  type Signature,
  type TaskRequest,
} from '../../src/index.ts'
import { retryArguments } from '../../src/worker/retries/retry-arguments.ts'
import { embeddedApp, recordingLogger, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 8_000 }

test.each<readonly [string, (tasks: Tasks) => Signature, unknown]>([
  ['between two steps', ({ same, add }) => chain(same.s(5), group([]), add.s(1)), 6],
  ['before the first step', ({ add }) => chain(group([]), group([]), add.s(1, 10)), 11],
  [
    'behind a group',
    ({ add }) => chain(group(add.s(1, 1), add.s(2, 2)), group([]), group([])),
    [2, 4],
  ],
  [
    'in a chain within the chain',
    ({ same, add }) => chain(same.s(5), chain(group([])), add.s(1)),
    6,
  ],
])('an empty group %s of a chain is skipped', async (_where, make, value) => {
  const result = await make(await workingTasks()).applyAsync()
  expect(await result.get(WAIT)).toEqual(value)
})

test('a chain of empty groups alone is an empty group', async () => {
  const result = await chain(group([]), group([])).applyAsync()
  expect(await result.get(WAIT)).toEqual([])
})

test('empty groups in a chain that was sent as a dict are skipped too', async () => {
  const { app, same, add } = await workingTasks()
  const tasks = [same.s(5), group([]), chain(group([])), add.s(1)].map((step) => step.toDict())
  const dict = { ...chain(same.s(1), add.s(1)).toDict(), kwargs: { tasks } }
  const started = await app.start(dict)
  expect(await app.resultOf(started).get(WAIT)).toBe(6)
})

test('an empty group is saved and restored', async () => {
  const app = embeddedApp()
  const result = await group([]).applyAsync()
  await result.save()
  const restored = await app.restoreGroup(result.id)
  expect(restored?.results).toEqual([])
  expect(await restored?.get(WAIT)).toEqual([])
})

test('an empty task id is none: the call gets an id of its own', async () => {
  const { add } = await workingTasks()
  const called = await add.applyAsync([1, 1], { taskId: '' })
  const signed = await add.s(1, 2).set({ taskId: '' }).applyAsync()
  const steps = await chain(add.s(1, 1), add.s(2).set({ taskId: '' })).applyAsync()
  for (const { id } of [called, signed, steps]) expect(id).not.toBe('')
  expect(await Promise.all([called, signed, steps].map((one) => one.get(WAIT)))).toEqual([2, 3, 4])
})

test.each([
  ['args alone', { args: [7, 8] }, { args: [7, 8], kwargs: { label: 'kept' } }],
  ['a part of args alone', { args: [7] }, { args: [7], kwargs: { y: 2, label: 'kept' } }],
  ['both', { args: [7], kwargs: { y: 8 } }, { args: [7], kwargs: { y: 8 } }],
])(
  'a retry with %s keeps only the keyword arguments that they do not name',
  (_what, retry, next) => {
    const before = { args: [], kwargs: { x: 1, y: 2, label: 'kept' } }
    expect(retryArguments(before, retry, ['x', 'y', 'label'])).toEqual(next)
  },
)

test('a retry with kwargs alone puts those that name a positional argument in its place', () => {
  const before = { args: [1, 2], kwargs: { label: 'dropped' } }
  const next = retryArguments(before, { kwargs: { x: 7, other: 8 } }, ['x', 'y', 'label'])
  expect(next).toEqual({ args: [7, 2], kwargs: { other: 8 } })
  expect(retryArguments(before, { kwargs: { x: 7 } })).toEqual({ args: [1, 2], kwargs: { x: 7 } })
})

test.each<readonly [string, number | null, (expires: string | null) => boolean]>([
  ['seconds from now', 3_600, (expires) => Date.parse(String(expires)) > Date.now() + 3_000_000],
  ['never', null, (expires) => expires === null],
])('a retry changes when the call expires: %s', async (_when, expires, isRight) => {
  const app = embeddedApp()
  const seen: (string | null)[] = []
  const task = app.task('export.retried', { bind: true }, (self) => {
    seen.push(self.request.expires)
    if (self.request.retries === 0) throw self.retry({ countdown: 0, expires })
    return 'done'
  })
  await startWorker(app)
  expect(await (await task.applyAsync([], { expires: 60 })).get(WAIT)).toBe('done')
  expect(seen).toHaveLength(2)
  expect(isRight(seen[1] ?? null)).toBe(true)
})

test('a countdown of 0 is none: neither a call nor a retry with it has an eta', async () => {
  const app = embeddedApp()
  const etas: (string | null)[] = []
  const task = app.task('export.now', { bind: true }, (self) => {
    etas.push(self.request.eta)
    if (self.request.retries === 0) throw self.retry({ countdown: 0 })
  })
  await startWorker(app)
  await (await task.applyAsync([], { countdown: 0 })).get(WAIT)
  expect(etas).toEqual([null, null])
})

test('a task knows the properties of its message and how it was delivered', async () => {
  const app = embeddedApp()
  const seen: TaskRequest[] = []
  const task = app.task('export.seen', { bind: true }, (self) => {
    seen.push(self.request)
  })
  await startWorker(app)
  const { id } = await task.applyAsync([], { priority: 3 })
  await waitFor('the run', () => seen.length === 1)
  expect(seen[0]?.properties).toMatchObject({ correlationId: id, priority: 3, deliveryMode: 2 })
  expect(seen[0]?.deliveryInfo).toMatchObject({ routingKey: 'export', redelivered: false })
})

test('each call of a map has a request of its own, which knows no family', async () => {
  const app = embeddedApp()
  const ids = app.task('export.ids', { bind: true }, ({ request }, i: number) => {
    const { rootId, parentId, args, task, retries } = request
    return [rootId, parentId, args, task, retries, i]
  })
  await startWorker(app, { queues: ['export', 'celery'] })
  const call = (...args: number[]) => [null, null, args, 'export.ids', 0, args[0]]
  expect(await (await ids.map([1, 2]).applyAsync()).get(WAIT)).toEqual([call(1), call(2)])
  // @ts-expect-error: one argument more than it takes
  const pairs = await ids.starmap([[3, 4]]).applyAsync()
  expect(await pairs.get(WAIT)).toEqual([call(3, 4)])
})

test('a call within a map cannot be retried: its error is that of the map', async () => {
  const app = embeddedApp()
  const fails = app.task('export.fails', { bind: true }, (self) => {
    throw self.retry({ cause: new RangeError('not again'), countdown: 0 })
  })
  await startWorker(app, { queues: ['export', 'celery'] })
  const result = await fails.map([1]).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({ excType: 'RangeError' })
})

test('a member adds others to its chord, whose body waits for all of them', async () => {
  const { app, add, sum } = await workingTasks()
  const adds = app.task('export.adds', { bind: true }, async (self, numbers: number[]) => {
    for (const number of numbers) await self.addToChord(add.s(number, 0))
    await self.addToChord(chain(group(add.s(100, 0), add.s(200, 0)), sum.s()))
    return 0
  })
  const result = await chord([adds.s([1, 2]), add.s(10, 0)], sum.s()).applyAsync()
  expect(await result.get(WAIT)).toBe(313)
})

test('a task that is no member of a chord cannot add one', async () => {
  const { app, add } = await workingTasks()
  const adds = app.task('export.adds', { bind: true }, async (self) => {
    await self.addToChord(add.s(1, 1))
  })
  await expect((await adds.delay()).get(WAIT)).rejects.toThrow(/is not a member of any chord/)
})

test.each<readonly [string, (tasks: Errbacks) => Signature, readonly unknown[]]>([
  ['(id) with the id', ({ one }) => one.s(), ['one', 'id']],
  ['(id, label) with a stored label by message', ({ two }) => two.s('L'), ['two', 'id', 'L']],
  [
    '(id, label) with a stored keyword by message',
    ({ named }) => named.signature({ kwargs: { label: 'L' } }),
    ['named', 'id', 'L'],
  ],
  ['(request, error, traceback)', ({ three }) => three.s(), ['three', 'id', 'Error', 'string']],
  [
    '(request, error, traceback, label) with a stored label',
    ({ four }) => four.s('L'),
    ['four', 'id', 'Error', 'L'],
  ],
  [
    '(request, error, traceback, label) with a stored keyword',
    ({ four }) => four.signature({ kwargs: { label: 'K' } }),
    ['four', 'id', 'Error', 'K'],
  ],
  [
    'an immutable one with nothing but its own arguments',
    ({ two }) => two.si('a', 'b'),
    ['two', 'a', 'b'],
  ],
])('an errback is called as Celery 5.7 calls it: %s', async (_how, make, expected) => {
  const app = embeddedApp()
  const marks: unknown[][] = []
  const errbacks = errbackTasks(app, marks)
  const fails = app.task('export.fails', () => {
    throw new Error('the failure')
  })
  await startWorker(app)
  const { id } = await fails.applyAsync([], { linkError: make(errbacks) })
  await waitFor('the errback', () => marks.length > 0)
  expect(marks).toEqual([expected.map((one) => (one === 'id' ? id : one))])
})

test('an errback that fails is logged, and does not keep the others from being called', async () => {
  const logger = recordingLogger()
  const app = embeddedApp({}, { logger })
  const marks: string[] = []
  const broken = app.task('export.broken', (_request: unknown, _error: unknown) => {
    throw new Error('the errback’s own')
  })
  const mark = app.task('export.mark', ({ id }: TaskRequest, _error: unknown) => {
    marks.push(id)
  })
  const fails = app.task('export.fails', () => {
    throw new Error('the failure')
  })
  await startWorker(app)
  const { id } = await fails.applyAsync([], { linkError: [broken.s(), mark.s()] })
  await waitFor('the second errback', () => marks.length > 0)
  expect(marks).toEqual([id])
  const line = logger.lines.find(({ sentence }) => sentence === 'an errback failed')
  expect(line).toMatchObject({ level: 'error', fields: { taskId: id, errback: 'export.broken' } })
})

type Tasks = Awaited<ReturnType<typeof workingTasks>>

async function workingTasks() {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const same = app.task('export.same', (x: unknown) => x)
  const sum = app.task('export.sum', (numbers: readonly number[]) =>
    numbers.reduce((total, number) => total + number, 0),
  )
  await startWorker(app, { queues: ['export', 'celery'] })
  return { app, add, same, sum }
}

type Errbacks = ReturnType<typeof errbackTasks>

function errbackTasks(app: CeleryApp, marks: unknown[][]) {
  const mark = (...what: unknown[]): void => void marks.push(what)
  return {
    one: app.task('export.one', (id: string) => mark('one', id)),
    two: app.task('export.two', (id: string, label: string) => mark('two', id, label)),
    named: app.task('export.named', { params: ['id', 'label'] }, (id: string, label: string) =>
      mark('named', id, label),
    ),
    three: app.task('export.three', ({ id }: TaskRequest, error: Error, traceback: string) =>
      mark('three', id, error.name, typeof traceback),
    ),
    four: app.task(
      'export.four',
      { params: ['request', 'error', 'traceback', 'label'] },
      ({ id }: TaskRequest, error: Error, _traceback: string, label: string) =>
        mark('four', id, error.name, label),
    ),
  }
}
