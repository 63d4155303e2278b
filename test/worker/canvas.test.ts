import { describe, expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { TaskFailedError } from '../../src/errors.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 8_000 }

type Make = (tasks: Tasks) => Signature

/** Workflows nested in each other, and what comes of them. */
const WORKFLOWS: readonly (readonly [name: string, make: Make, value: unknown])[] = [
  ['a chain', ({ add, mul }) => chain(add.s(1, 2), mul.s(3), add.s(4)), 13],
  [
    'a chain in a chain',
    ({ add, mul }) => chain(add.s(1, 2), chain(mul.s(3), add.s(4)), mul.s(2)),
    26,
  ],
  ['a group', ({ add }) => group(add.s(1, 1), add.s(2, 2)), [2, 4]],
  [
    'a group in a group',
    ({ add }) => group(add.s(1, 1), group(add.s(2, 2), add.s(3, 3))),
    [2, 4, 6],
  ],
  [
    'a chain that ends with a group',
    ({ add, mul }) => chain(add.s(1, 2), group(mul.s(2), mul.s(3))),
    [6, 9],
  ],
  [
    'a group of one chain that ends with a group',
    ({ add, mul }) => group(chain(add.s(1, 2), group(mul.s(2), mul.s(3)))),
    [6, 9],
  ],
  [
    'a group of one chord with a group as its body',
    ({ add, sum }) => group(chord([add.s(1, 1), add.s(2, 2)], group(sum.s(), sum.s()))),
    [6, 6],
  ],
  [
    'a group of chains',
    ({ add, mul }) => group(chain(add.s(1, 1), mul.s(5)), add.s(2, 2)),
    [10, 4],
  ],
  ['a chord', ({ add, sum }) => chord([add.s(1, 1), add.s(2, 2)], sum.s()), 6],
  [
    'a group with a step behind it',
    ({ add, sum, mul }) => chain(group(add.s(1, 1), add.s(2, 2)), sum.s(), mul.s(10)),
    60,
  ],
  [
    'a chord of chains',
    ({ add, mul, sum }) => chord([chain(add.s(1, 1), mul.s(5)), add.s(2, 2)], sum.s()),
    14,
  ],
  [
    'a chord in a chain',
    ({ add, mul, sum }) => chain(add.s(1, 2), chord([mul.s(2), mul.s(3)], sum.s()), add.s(1)),
    16,
  ],
  [
    'a chord in a chain, with a chain as its body',
    ({ add, mul, sum }) =>
      chain(chord([add.s(1, 1), add.s(2, 2)], chain(sum.s(), mul.s(10))), add.s(3)),
    63,
  ],
  [
    'a chord in a chord in a chain',
    ({ add, mul, sum }) =>
      chain(
        add.s(0, 1),
        chord([chord([mul.s(2), mul.s(3)], sum.s()), mul.s(4)], sum.s()),
        add.s(1),
      ),
    10,
  ],
  [
    'a chord of a chain that ends with a group',
    ({ add, flat }) =>
      chord([chain(add.s(1, 1), group(add.s(1), add.s(2))), add.s(9, 9)], flat.s()),
    '[[3,4],18]',
  ],
  [
    'a chord of chains that end with chords of group bodies, and with groups of one',
    ({ add, sum, flat }) =>
      chord(
        [
          chain(add.s(1, 1), chord([add.s(1), add.s(2)], group(sum.s(), flat.s()))),
          chain(add.s(1, 1), group(add.s(1))),
        ],
        flat.s(),
      ),
    '[[7,"[3,4]"],3]',
  ],
  [
    'a chord with a group as its body and a step behind it',
    ({ add, sum, flat }) =>
      chain(chord([add.s(1, 1), add.s(2, 2)], group(sum.s(), sum.s())), flat.s()),
    '[6,6]',
  ],
  ['a chord of nobody', ({ sum }) => chord([], sum.s()), 0],
  [
    'map',
    ({ add }) =>
      add.starmap([
        [1, 2],
        [3, 4],
      ]),
    [3, 7],
  ],
  [
    'chunks',
    ({ add }) =>
      add.chunks(
        [
          [0, 0],
          [1, 1],
          [2, 2],
        ],
        2,
      ),
    [[0, 2], [4]],
  ],
]

describe.each(WORKFLOWS)('%s', (_name, make, value) => {
  test('gives what its tasks make of it', async () => {
    const { tasks } = await workingApp()
    const result = await make(tasks).applyAsync()
    expect(await result.get(WAIT)).toEqual(value)
  })
})

test('a group reports how many of its members are done, and can be kept and found again', async () => {
  const { app, tasks } = await workingApp()
  const result = await group(tasks.add.s(1, 1), tasks.add.s(2, 2)).applyAsync()
  await result.get(WAIT)
  expect(await result.completedCount()).toBe(2)
  expect(await result.status()).toBe('SUCCESS')
  await result.save()
  expect(await (await app.restoreGroup(result.id))?.get(WAIT)).toEqual([2, 4])
  expect(await app.restoreGroup('nobody')).toBeNull()
})

test('failures are among the values of a group that is asked not to throw them', async () => {
  const { tasks } = await workingApp()
  const { add, fail } = tasks
  const result = await group(add.s(1, 1), chain(fail.s('no'), add.s(1)), add.s(2, 2)).applyAsync()
  const [two, failure, four] = await result.join({ ...WAIT, propagate: false })
  expect([two, four]).toEqual([2, 4])
  expect(failure).toBeInstanceOf(TaskFailedError)
  expect(failure).toMatchObject({ excType: 'RangeError', excArgs: ['no'] })
})

test('a broken chain gives its error to the caller that waits for its end', async () => {
  const { tasks } = await workingApp()
  const result = await chain(tasks.fail.s('no'), tasks.add.s(1), tasks.add.s(2)).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({ excType: 'RangeError', excArgs: ['no'] })
})

test.each([
  ['itself', ({ fail }: Tasks) => fail.s('no')],
  ['a step of it', ({ add, fail }: Tasks) => chain(fail.s('no'), add.s(1))],
])(
  'a chord whose member fails in %s fails its body, says which, and calls the errback',
  async (_where, make) => {
    const { tasks, failures } = await workingApp()
    const body = tasks.sum.s().linkError(tasks.note.s())
    const result = await chord([tasks.add.s(1, 1), make(tasks)], body).applyAsync()
    await expect(result.get(WAIT)).rejects.toMatchObject({
      excType: 'ChordError',
      excArgs: [expect.stringMatching(/^Dependency \S+ raised RangeError\('no'\)$/)],
    })
    await waitFor('the errback', () => failures.includes(result.id))
  },
)

test.each<readonly [string, (tasks: Tasks) => Signature]>([
  [
    'is a member of another',
    ({ add, fail, sum }) =>
      chord([chord([fail.s('no'), add.s(1, 1)], sum.s()), add.s(2, 2)], sum.s()),
  ],
  [
    'is a step of a member of another',
    ({ add, fail, sum }) =>
      chord([chain(chord([fail.s('no')], sum.s()), add.s(1)), add.s(2, 2)], sum.s()),
  ],
  [
    'has a step behind it',
    ({ add, fail, sum }) => chain(chord([fail.s('no'), add.s(1, 1)], sum.s()), add.s(1)),
  ],
  [
    'has a body of two steps and one behind it',
    ({ add, fail, sum }) => chain(chord([fail.s('no')], chain(sum.s(), add.s(1))), add.s(2)),
  ],
])('a chord whose member fails and that %s fails the whole', async (_where, make) => {
  const result = await make((await workingApp()).tasks).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({
    excType: 'ChordError',
    excArgs: [expect.stringMatching(/^Dependency .*no/)],
  })
})

test('a chord that is waited for twice, as after a crash, starts its body once', async () => {
  const { app, tasks } = await workingApp()
  const bodies: unknown[] = []
  app.task('export.body', (values: unknown) => void bodies.push(values))
  const [first, second] = [await tasks.add.delay(1, 1), await tasks.add.delay(2, 2)]
  const body = app.signature('export.body', [], {}, { taskId: 'body' }).toDict()
  const result = [first, second].map(({ id }) => [[id, null], null])
  const wait = () =>
    app.sendTask('celery.chord_unlock', ['group', body], { result, interval: 0.01 })
  await Promise.all([wait(), wait(), first.get(WAIT), second.get(WAIT)])
  await app.asyncResult('body').get(WAIT)
  const late = await wait()
  await late.get(WAIT)
  await (await tasks.add.delay(1, 1)).get(WAIT)
  expect(bodies).toEqual([[2, 4]])
})

test('a chord starts its body once, without anybody looking whether all members are done', async () => {
  const { app, tasks } = await workingApp()
  const members = Array.from({ length: 200 }, (_, at) => tasks.add.s(at, 0))
  const result = await chord(members, tasks.sum.s()).applyAsync()
  expect(await result.get(WAIT)).toBe(19_900)
  const names = new Map<string, number>()
  for (;;) {
    const delivery = await app.broker().get('platform.fifo')
    if (delivery === undefined) break
    const { task } = delivery.message.headers
    if (task !== undefined) names.set(String(task), (names.get(String(task)) ?? 0) + 1)
    await delivery.ack()
  }
  expect(Object.fromEntries(names)).toEqual({ 'export.add': 200, 'export.sum': 1 })
})

test.each<readonly [string, (tasks: Tasks) => Signature, unknown]>([
  ['a task', ({ add }) => add.s(5, 100), 105],
  ['a chain', ({ add, mul }) => chain(add.s(1, 2), mul.s(10)), 30],
  ['a chord', ({ add, sum }) => chord([add.s(1, 1), add.s(2, 2)], sum.s()), 6],
])(
  '%s that replaces a step of a chain hands its result to the next step',
  async (_what, by, value) => {
    const { app, tasks } = await workingApp()
    const replaced = app.task('export.replaced', { bind: true }, (self) => {
      throw self.replace(by(tasks))
    })
    const result = await chain(replaced.s(), tasks.add.s(1000)).applyAsync()
    expect(await result.get(WAIT)).toBe(Number(value) + 1000)
  },
)

test.each<readonly [string, (tasks: Tasks) => Signature, unknown]>([
  ['a task', ({ add }) => add.s(3, 4), 7],
  ['a group', ({ add }) => group(add.s(1, 2), add.s(2, 2)), [3, 4]],
  ['a chord', ({ add, sum }) => chord([add.s(1, 2), add.s(2, 2)], sum.s()), 7],
  [
    'a chain that ends with a chord',
    ({ add, sum }) => chain(add.s(1, 1), chord([add.s(1)], sum.s())),
    3,
  ],
  [
    'a chain that ends with a group',
    ({ add }) => chain(add.s(1, 1), group(add.s(1), add.s(2))),
    [3, 4],
  ],
])('a member of a chord that is replaced by %s counts once', async (_what, by, value) => {
  const { app, tasks } = await workingApp()
  const replaced = app.task('export.replaced', { bind: true }, (self) => {
    throw self.replace(by(tasks))
  })
  const result = await chord([replaced.s(), tasks.add.s(9, 9)], tasks.flat.s()).applyAsync()
  expect(await result.get(WAIT)).toBe(JSON.stringify([value, 18]))
})

test('the body of a chord may be replaced by a chain, a group or a chord', async () => {
  const { app, tasks } = await workingApp()
  const { add, sum } = tasks
  const made = [
    chain(add.s(1, 1), add.s(1)),
    group(add.s(1, 1), add.s(2, 2)),
    chord([add.s(1, 1)], sum.s()),
  ]
  const replaced = app.task('export.replaced', { bind: true }, (self, _values, at: number) => {
    throw self.replace(made[at] ?? add.s(0, 0))
  })
  const results = made.map(async (_by, at) => {
    const result = await chain(chord([add.s(1, 1)], replaced.s(at)), tasks.flat.s()).applyAsync()
    return await result.get(WAIT)
  })
  expect(await Promise.all(results)).toEqual(['3', '[2,4]', '2'])
})

test('a task replaced by a group has the group’s results as its own', async () => {
  const { app, tasks } = await workingApp()
  const replaced = app.task('export.replaced', { bind: true }, (self) => {
    throw self.replace(group(tasks.add.s(1, 1), tasks.add.s(2, 2)))
  })
  expect(await (await replaced.delay()).get(WAIT)).toEqual([2, 4])
})

test('an errback with room for it gets request, error and traceback; others get the id', async () => {
  const { app, tasks, failures } = await workingApp()
  const seen: unknown[] = []
  const inspect = app.task(
    'export.inspect',
    (request: { id: string }, error: Error, traceback: string) => {
      seen.push(request.id, error.message, traceback.includes('RangeError: no'))
    },
  )
  const result = await tasks.fail.applyAsync(['no'], { linkError: [inspect.s(), tasks.note.s()] })
  await waitFor('the errbacks', () => failures.length > 0 && seen.length > 0)
  expect(seen).toEqual([result.id, 'no', true])
  expect(failures).toEqual([result.id])
})

test('a result has what the task called', async () => {
  const { app, tasks } = await workingApp()
  const spawn = app.task('export.spawn', async () => (await tasks.add.delay(1, 1)).id)
  const result = await spawn.delay()
  const child = await result.get(WAIT)
  expect((await result.info()).children).toEqual([[[child, null], null]])
})

type Tasks = Awaited<ReturnType<typeof workingApp>>['tasks']

async function workingApp() {
  const app: CeleryApp = embeddedApp({ result_chord_retry_interval: 0.05 })
  const failures: string[] = []
  const tasks = {
    add: app.task('export.add', (x: number, y: number) => x + y),
    mul: app.task('export.mul', (x: number, y: number) => x * y),
    sum: app.task('export.sum', (numbers: readonly number[]) =>
      numbers.reduce((total, number) => total + number, 0),
    ),
    flat: app.task('export.flat', (value: unknown) => JSON.stringify(value)),
    fail: app.task('export.fail', (message: string) => {
      throw new RangeError(message)
    }),
    note: app.task('export.note', (id: string) => {
      failures.push(id)
    }),
  }
  await startWorker(app)
  return { app, tasks, failures }
}
