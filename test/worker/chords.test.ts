import { expect, onTestFinished, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { type CeleryApp, createApp } from '../../src/create-app.ts'
import { MemoryResultStore } from '../../src/results/memory/memory-store.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 8_000 }

/** Tells celery.chord_unlock to wait for these. */
async function unlock(
  app: CeleryApp,
  result: readonly unknown[],
  { more = {}, body = bodyOf(app) }: { readonly more?: object; readonly body?: object } = {},
) {
  const kwargs = { result, interval: 0.01, ...more }
  return await app.sendTask('celery.chord_unlock', ['group', body], kwargs)
}

function bodyOf(app: CeleryApp) {
  const errback = app.signature('export.told')
  return app.signature('export.body', [], {}, { taskId: 'body', linkError: errback }).toDict()
}

async function appWithBody(app: CeleryApp): Promise<{ told: unknown[]; bodies: unknown[] }> {
  const seen = { told: [] as unknown[], bodies: [] as unknown[] }
  app.task('export.body', (values: unknown) => void seen.bodies.push(values))
  app.task('export.told', (id: unknown) => void seen.told.push(id))
  await startWorker(app, { queues: ['export', 'celery'] })
  return seen
}

test.each([
  ['the config', { CHORD_UNLOCK_MAX_RETRIES: 2 }, {}],
  ['its message', {}, { max_retries: 2 }],
])(
  'celery.chord_unlock that was retried as often as %s allows fails the body and calls its errbacks',
  async (_whose, settings, more) => {
    const app = embeddedApp(settings)
    const { told, bodies } = await appWithBody(app)
    const waiting = await unlock(app, [[['never', null], null]], { more })
    const ended = { excType: 'ChordError', excModule: 'celery.exceptions' }
    await expect(app.asyncResult('body').get(WAIT)).rejects.toMatchObject({
      ...ended,
      excArgs: [
        expect.stringMatching(
          `^chord_unlock could not be retried: MaxRetriesExceededError\\(.*Can.*t retry celery.chord_unlock\\[${waiting.id}\\]`,
        ),
      ],
    })
    await waitFor('the errback', () => told.length > 0)
    expect([told, bodies]).toEqual([['body'], []])
  },
)

test('celery.chord_unlock that cannot read the results looks again later', async () => {
  const results = new (class extends MemoryResultStore {
    failures = 2
    override async get(taskId: string) {
      if (this.failures-- > 0) throw new Error('database away')
      return await super.get(taskId)
    }
  })()
  onTestFinished(() => results.close())
  const app = createApp(
    new Config({
      queues: ['export'],
      broker_url: 'memory://unread',
      dotenv: false,
      environment: {},
    }),
    { results },
  )
  onTestFinished(() => app.close())
  const { bodies } = await appWithBody(app)
  await results.save({ taskId: 'a', status: 'SUCCESS', result: 1, traceback: null, dateDone: null })
  await unlock(app, [[['a', null], null]])
  await waitFor('the body', () => bodies.length > 0)
  expect(bodies).toEqual([[1]])
})

test('celery.chord_unlock gives the body a list for a member that is a group', async () => {
  const app = embeddedApp()
  const { bodies } = await appWithBody(app)
  const results = await app.results()
  for (const taskId of ['a', 'b', 'c']) {
    await results.save({
      taskId,
      status: 'SUCCESS',
      result: taskId,
      traceback: null,
      dateDone: null,
    })
  }
  const inner = [
    ['inner', null],
    [
      [['a', null], null],
      [['b', null], null],
    ],
  ]
  await unlock(app, [inner, [['c', null], null]])
  await waitFor('the body', () => bodies.length > 0)
  expect(bodies).toEqual([[['a', 'b'], 'c']])
})

test('celery.chord_unlock gives the body an empty list for a member that is an empty group', async () => {
  const app = embeddedApp()
  const { bodies } = await appWithBody(app)
  const done = { status: 'SUCCESS', result: 'a', traceback: null, dateDone: null } as const
  await (await app.results()).save({ taskId: 'a', ...done })
  await unlock(app, [
    [['a', null], null],
    [['empty', null], []],
  ])
  await waitFor('the body', () => bodies.length > 0)
  expect(bodies).toEqual([['a', []]])
})

test('a chord whose body is an empty group runs its header', async () => {
  const app = embeddedApp()
  const ran: unknown[] = []
  const mark = app.task('export.mark', (value: string) => void ran.push(value))
  await startWorker(app, { queues: ['export'] })
  const result = await chord([mark.s('a'), mark.s('b')], chain(group([]))).applyAsync()
  expect(await result.get(WAIT)).toEqual([])
  await waitFor('the header', () => ran.length === 2)
})

test('an errback that takes more than an id gets the request of the body, the ChordError and its traceback', async () => {
  const app = embeddedApp()
  const calls: { id: string; task: string; error: Error; extra: unknown }[] = []
  app.task('export.new', (request: { id: string; task: string }, error: Error, _trace: string) => {
    calls.push({ id: request.id, task: request.task, error, extra: _trace })
  })
  const fail = app.task('export.fail', () => {
    throw new RangeError('no')
  })
  app.task('export.sum', () => 0)
  await startWorker(app)
  const body = app.signature('export.sum').linkError(app.signature('export.new'))
  const result = await chord([fail.s()], body).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({ excType: 'ChordError' })
  await waitFor('the errback', () => calls.length > 0)
  expect(calls).toMatchObject([
    { id: result.id, task: 'export.sum', error: { name: 'ChordError' }, extra: expect.any(String) },
  ])
  expect(calls[0]?.error.message).toMatch(/^Dependency \S+ raised RangeError\('no'\)$/)
})

test.each([
  [false, ['body']],
  [true, ['body', 'member']],
])(
  'with task_allow_error_cb_on_chord_header %s the errback of a chord is called for %j',
  async (isAllowed, expected) => {
    const app = embeddedApp({ task_allow_error_cb_on_chord_header: isAllowed })
    const { told } = await appWithBody(app)
    const fail = app.task('export.fail', () => {
      throw new RangeError('no')
    })
    const header = [fail.s().set({ taskId: 'member' }), app.signature('export.body', [1])]
    const whole = chord(header, app.signature('export.body', [], {}, { taskId: 'body' }))
    await whole.linkError(app.signature('export.told')).applyAsync()
    await waitFor('the errbacks', () => told.length >= expected.length)
    expect(new Set(told)).toEqual(new Set(expected))
  },
)

test('an errback of a chord is one of its body, also where it is made for the call', async () => {
  const app = embeddedApp()
  const { told } = await appWithBody(app)
  const fail = app.task('export.fail', () => {
    throw new RangeError('no')
  })
  const body = app.signature('export.body').linkError(app.signature('export.told', ['of body'], {}))
  app.task('export.other', (id: unknown) => void told.push(`other ${id}`))
  const result = await chord([fail.s()], body).applyAsync([], {
    linkError: app.signature('export.other'),
  })
  await waitFor('both errbacks', () => told.length >= 2)
  expect(new Set(told)).toEqual(new Set([result.id, `other ${result.id}`]))
})

test('an errback of a chain is one of the chord in it', async () => {
  const app = embeddedApp()
  const { told } = await appWithBody(app)
  const fail = app.task('export.fail', () => {
    throw new RangeError('no')
  })
  const one = app.task('export.one', () => 1)
  const body = app.signature('export.body', [], {}, { taskId: 'body' })
  const whole = chain(one.s(), chord([fail.s(), one.si()], body))
  await whole.linkError(app.signature('export.told')).applyAsync()
  await waitFor('the errback', () => told.length > 0)
  expect(told).toEqual(['body'])
})

test('a chord at the end of a chain is a member of the chord around it', async () => {
  const app = embeddedApp()
  const one = app.task('export.one', () => 1)
  const sum = app.task('export.sum', (values: readonly number[]) => values.reduce((a, b) => a + b))
  await startWorker(app)
  const inner = chain(one.si(), chord([one.si(), one.si()], sum.s()))
  const result = await chord([one.si(), inner], sum.s()).applyAsync()
  expect(await result.get(WAIT)).toBe(3)
})
