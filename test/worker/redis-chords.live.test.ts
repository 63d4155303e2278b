import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { pendingResult } from '../../src/protocol/results/task-result.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { service } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

type Tasks = Record<'add' | 'fail' | 'sum', (...args: readonly unknown[]) => Signature>

/** Each of them waits for ever where Celery alone runs it with Redis, 5.2 and 5.7 alike, but for the last two. */
const BROKEN: readonly (readonly [name: string, make: (tasks: Tasks) => Signature])[] = [
  [
    'a member of another in a chain',
    ({ add, fail, sum }) => {
      const inner = chord([add(1, 1), chain(add(1, 1), fail())], sum())
      return chain(add(1, 1), group(chain(add(10), add(10)), inner), sum())
    },
  ],
  [
    'a member of another',
    ({ add, fail, sum }) => chord([add(1, 1), chord([add(1, 2), fail()], sum())], sum()),
  ],
  [
    'all members of another',
    ({ add, fail, sum }) => chord([chord([add(1, 2), fail()], sum())], sum()),
  ],
  [
    'the last step of a member of another',
    ({ add, fail, sum }) =>
      chord([add(1, 1), chain(add(1, 1), chord([add(2), fail()], sum()))], sum()),
  ],
  [
    'in a group that a member ends with',
    ({ add, fail, sum }) => chord([chain(add(1, 1), group(add(1), fail())), add(1, 1)], sum()),
  ],
  [
    'before a group that a member ends with',
    ({ add, fail, sum }) => chord([chain(fail(), group(add(1), add(2))), add(1, 1)], sum()),
  ],
  ['alone', ({ add, fail, sum }) => chord([add(1, 1), fail()], sum())],
  ['followed by a step', ({ add, fail, sum }) => chain(chord([add(1, 1), fail()], sum()), add(1))],
]

test('a chord whose member fails fails those who wait for the whole, on Redis, wherever it stands', async () => {
  const app = embeddedApp({
    result_backend: service('REDIS_URL'),
    result_backend_transport_options: { global_keyprefix: `test-${randomUUID()}:` },
    result_expires: 600,
  })
  app.task('export.add', (a: number, b: number) => a + b)
  app.task('export.sum', (values: readonly number[]) => values.length)
  app.task('export.fail', () => {
    throw new RangeError('deep inside')
  })
  await startWorker(app)
  const tasks: Tasks = {
    add: (...args) => app.signature('export.add', args),
    sum: () => app.signature('export.sum'),
    fail: () => app.signature('export.fail', [], {}, { isImmutable: true }),
  }
  const ends = BROKEN.map(async ([name, make]) => {
    const result = await make(tasks).applyAsync()
    const error = await result.get({ timeoutMs: 10_000 }).catch((reason: unknown) => reason)
    return [name, String(error)]
  })
  for (const [name, error] of await Promise.all(ends)) {
    expect(error, name).toMatch(/^TaskFailedError: ChordError: Dependency .*deep inside/)
  }
})

test('a body on Redis gets a list for each member that ends with a group', async () => {
  const app = embeddedApp({
    result_backend: service('REDIS_URL'),
    result_backend_transport_options: { global_keyprefix: `test-${randomUUID()}:` },
    result_expires: 600,
  })
  const add = app.task('export.add', (a: number, b: number) => a + b)
  const sum = app.task('export.sum', (values: readonly number[]) => values.length)
  const text = app.task('export.text', (values: unknown) => JSON.stringify(values))
  await startWorker(app)
  const whole = chord(
    [
      chain(add.s(1, 1), group(add.s(1), chain(add.s(2), group(add.s(10), add.s(20))))),
      chord([add.s(1, 1), add.s(2, 2)], group(sum.s(), sum.s())),
      add.s(5, 5),
    ],
    text.s(),
  )
  const result = await whole.applyAsync()
  expect(await result.get({ timeoutMs: 10_000 })).toBe('[[3,[14,24]],[2,2],10]')
})

test('members of a group in a chord that Python began count one by one, though they share indexes', async () => {
  const app = embeddedApp({
    result_backend: service('REDIS_URL'),
    result_backend_transport_options: { global_keyprefix: `test-${randomUUID()}:` },
    result_expires: 600,
  })
  const { chords } = await app.results()
  const groupId = randomUUID()
  const ids = ['a', 'b', 'c'].map((name) => `${name}-${groupId}`)
  const released: unknown[] = []
  await chords?.begin(groupId, 3)
  const done = async (at: number, groupIndex: number) => {
    const result = { ...pendingResult(ids[at] ?? ''), status: 'SUCCESS', result: at }
    const member = { groupId, groupIndex, result, body: () => '' }
    await chords?.memberDone(member, async (members) => {
      released.push(members.map(({ taskId }) => taskId))
    })
  }
  await done(0, 0)
  await done(1, 0)
  await done(1, 0)
  expect(released).toEqual([])
  await done(2, 1)
  expect(released).toEqual([ids])
})

test('the results of a chord that failed stay in Redis, as Python leaves them; its counters go', async () => {
  const prefix = `test-${randomUUID()}:`
  const app = embeddedApp({
    result_backend: service('REDIS_URL'),
    result_backend_transport_options: { global_keyprefix: prefix },
    result_expires: 600,
  })
  const groups: (string | null)[] = []
  const add = app.task('export.add', { bind: true }, ({ request }, a: number, b: number) => {
    groups.push(request.group)
    return a + b
  })
  const fail = app.task('export.fail', () => {
    throw new RangeError('no')
  })
  await startWorker(app)
  // @ts-expect-error: the body would get a list, if it were called
  const result = await chord([add.s(1, 2), fail.s()], add.s(0)).applyAsync()
  await expect(result.get({ timeoutMs: 20_000 })).rejects.toThrow(/Dependency/)
  const redis = new Redis(service('REDIS_URL'))
  onTestFinished(() => redis.disconnect())
  const key = `${prefix}celery-taskset-meta-${groups[0]}`
  await waitFor('the end of the chord', async () => (await redis.exists(`${key}.s`)) === 0)
  const members = await redis.zrange(`${key}.j`, 0, -1)
  expect(members.map((member) => JSON.parse(member)[2])).toEqual(['SUCCESS', 'FAILURE'])
  expect(await redis.ttl(`${key}.j`)).toBeGreaterThan(0)
})
