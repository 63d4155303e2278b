import { expect, test, vi } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import { chain, group } from '../../src/tasks/canvas/canvas.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

test.each<[string, Partial<ConfigOptions>, RegExp]>([
  ['UTC by default', {}, /\+00:00$/],
  ['the zone of the config', { timezone: 'Asia/Kolkata' }, /\+05:30$/],
  ['it with enable_utc off too', { timezone: 'Asia/Kolkata', enable_utc: false }, /\+05:30$/],
])('times of a call are written in %s, and mean the same moment', async (_, settings, offset) => {
  const before = Date.now()
  const { eta, expires } = await headersOf(settings, { countdown: 60, expires: 120 })
  expect(eta).toMatch(offset)
  expect(expires).toMatch(offset)
  expect(Date.parse(String(eta)) - before).toBeGreaterThanOrEqual(60_000)
  expect(Date.parse(String(eta)) - before).toBeLessThan(65_000)
  expect(Date.parse(String(expires)) - Date.parse(String(eta))).toBeGreaterThan(59_000)
})

test('with enable_utc off and no zone, times are in the zone of this machine', async () => {
  const { eta } = await headersOf({ enable_utc: false }, { countdown: 60 })
  const minutes = -new Date(Date.parse(String(eta))).getTimezoneOffset()
  expect(String(eta).slice(-6)).toBe(offsetText(minutes))
})

test('an eta without an offset means UTC, whatever the config says', async () => {
  const app = embeddedApp({ enable_utc: false, timezone: 'America/New_York' })
  const ranAt = new Promise<number>((resolve) => {
    app.task('export.now', () => resolve(Date.now()))
  })
  await startWorker(app)
  const due = Date.now() + 300
  await app.sendTask('export.now', [], {}, { eta: new Date(due).toISOString().replace('Z', '') })
  expect(await ranAt).toBeGreaterThanOrEqual(due)
})

test.each<[string, Partial<ConfigOptions>, CallOptions, number]>([
  ['nothing said: 5 seconds', {}, {}, 5_000],
  ['no retry in the call', {}, { retry: false }, 1_000],
  ['no retry in the config', { task_publish_retry: false }, {}, 1_000],
  [
    'a retry in the call though none in the config',
    { task_publish_retry: false },
    { retry: true },
    5_000,
  ],
  [
    'a policy in the config',
    {
      task_publish_retry_policy: {
        max_retries: 4,
        interval_start: 1,
        interval_step: 1,
        interval_max: 3,
      },
    },
    {},
    10_000,
  ],
  [
    'a policy in the call, over that of the config',
    { task_publish_retry_policy: { max_retries: 9 } },
    { retryPolicy: { maxRetries: 2, intervalStart: 2, intervalStep: 0, intervalMax: 9 } },
    5_000,
  ],
  [
    'a policy without end',
    { task_publish_retry_policy: { max_retries: null } },
    {},
    Number.POSITIVE_INFINITY,
  ],
])('how long a publish is tried: %s', async (_, settings, options, deadlineMs) => {
  const app = embeddedApp(settings)
  const publish = vi.spyOn(app.broker(), 'publish')
  await app.sendTask('export.add', [], {}, options)
  expect(publish.mock.calls[0]?.[2]?.deadlineMs).toBeCloseTo(deadlineMs, 3)
})

test('what task_compression names is done to every call, but where the call says otherwise', async () => {
  expect((await headersOf({ task_compression: 'gzip' }, {})).compression).toBe('application/x-gzip')
  expect(
    (await headersOf({ task_compression: 'gzip' }, { compression: 'brotli' })).compression,
  ).toBe('application/x-brotli')
})

test('priority is inherited along a canvas and by what tasks call, where the config says so', async () => {
  expect(await prioritiesOf({ task_inherit_parent_priority: true })).toEqual([7, 7, 7, 7])
  expect(await prioritiesOf({})).toEqual([7, 0, 0, 0])
})

test('a priority of a step’s own wins over the inherited one', async () => {
  const app = embeddedApp({ task_inherit_parent_priority: true })
  const seen: (number | null)[] = []
  app.task('export.note', { bind: true }, (self) => {
    seen.push(self.request.priority)
  })
  await startWorker(app)
  const note = app.signature('export.note', [], {}, { isImmutable: true })
  await chain(note.set({ priority: 7 }), note.set({ priority: 2 }), note).applyAsync()
  await waitFor('all steps', () => seen.length === 3)
  expect(seen).toEqual([7, 2, 2])
})

test('as in Celery, a task’s own priority wins over the inherited one, task_default_priority included', async () => {
  const settings = { task_inherit_parent_priority: true, task_default_priority: 4 }
  expect(await prioritiesOf(settings)).toEqual([7, 4, 4, 4])
})

test.each([
  [false, null],
  [true, 7],
])(
  'a callback that names its queue has no priority, unless it inherits one (%j)',
  async (inherits, expected) => {
    const app = embeddedApp({
      task_inherit_parent_priority: inherits,
      TOPOLOGY: 'celery',
    })
    const seen: (number | null)[] = []
    app.task('export.note', { bind: true }, (self) => void seen.push(self.request.priority))
    await startWorker(app)
    const note = app.signature('export.note', [], {}, { isImmutable: true })
    const elsewhere = app.signature('other.note', [], {}, { isImmutable: true, queue: 'other' })
    const link = [note.set({ queue: 'export' }), elsewhere]
    await app.sendTask('export.note', [], {}, { queue: 'export', priority: 7, link })
    await waitFor('both', () => seen.length === 2)
    expect(seen).toEqual([7, expected])
    const other = await waitFor('the other one', () => app.broker().get('other'))
    expect(other?.message.properties.priority ?? null).toBe(expected)
  },
)

test('headers and priority that a workflow is started with reach each of its tasks, whose own ones stay', async () => {
  const app = embeddedApp()
  const seen: string[] = []
  app.task('export.note', { bind: true }, ({ request }, name: string) => {
    const { tenant, step } = request.headers
    seen.push([name, tenant, step, request.priority].join(' '))
  })
  await startWorker(app)
  const note = (name: string, options: CallOptions = {}) =>
    app.signature('export.note', [name], {}, { isImmutable: true, ...options })
  const whole = chain(
    note('first'),
    note('second', { priority: 2, headers: { step: 2 } }),
    group(note('member'), chain(note('inner'), note('inner last'))),
    note('body'),
    note('last'),
  )
  await whole.applyAsync([], { headers: { tenant: 'acme' }, priority: 5 })
  await waitFor('all seven', () => seen.length === 7)
  expect(new Set(seen)).toEqual(
    new Set([
      'first acme  5',
      'second acme 2 2',
      'member acme  5',
      'inner acme  5',
      'inner last acme  5',
      'body acme  5',
      'last acme  5',
    ]),
  )
})

test('headers of a workflow reach each of its tasks', async () => {
  const app = embeddedApp()
  const seen: unknown[] = []
  app.task('export.note', { bind: true }, (self) => {
    seen.push(self.request.headers['x-tenant'])
  })
  await startWorker(app)
  const note = app.signature('export.note', [], {}, { isImmutable: true })
  await group(note, note).applyAsync([], { headers: { 'x-tenant': 'acme' } })
  await waitFor('both', () => seen.length === 2)
  expect(seen).toEqual(['acme', 'acme'])
})

/** Of a chain of two with a callback, whose last task calls another. */
async function prioritiesOf(settings: Partial<ConfigOptions>): Promise<(number | null)[]> {
  const app = embeddedApp(settings)
  const seen: (number | null)[] = []
  const last = app.task('export.last', { bind: true }, (self) => {
    seen.push(self.request.priority)
  })
  app.task('export.note', { bind: true }, async (self, isCaller: boolean) => {
    seen.push(self.request.priority)
    if (isCaller) await last.delay()
  })
  await startWorker(app, { concurrency: 1 })
  const sig = (isCaller: boolean) =>
    app.signature('export.note', [isCaller], {}, { isImmutable: true })
  await chain(sig(false).set({ priority: 7 }), sig(false), sig(true)).applyAsync()
  await waitFor('all four', () => seen.length === 4)
  return seen
}

test('a route says how a message is compressed and kept, where the call does not', async () => {
  const route = { queue: 'export', compression: 'gzip', delivery_mode: 'transient' }
  const app = embeddedApp({ task_routes: { 'export.*': route } })
  await app.sendTask('export.add', [1])
  await app.sendTask('export.add', [1], {}, { compression: 'brotli', deliveryMode: 2 })
  const sent = [await app.broker().get('export'), await app.broker().get('export')]
  const seen = sent.map((delivery) => [
    delivery?.message.headers.compression,
    delivery?.message.properties.deliveryMode,
  ])
  expect(seen).toEqual([
    ['application/x-gzip', 1],
    ['application/x-brotli', 2],
  ])
})

test('calls of tasks that are declared carry the time limits of the config, others none', async () => {
  const app = embeddedApp({ task_time_limit: 9, task_soft_time_limit: 5 })
  app.task('export.known', () => null)
  app.task('export.own', { timeLimit: 60 }, () => null)
  for (const name of ['export.known', 'export.own', 'export.unknown']) await app.sendTask(name)
  const limits: unknown[] = []
  for (let sent = 0; sent < 3; sent += 1)
    limits.push((await app.broker().get('export'))?.message.headers.timelimit)
  expect(limits).toEqual([
    [9, 5],
    [60, 5],
    [null, null],
  ])
})

async function headersOf(
  settings: Partial<ConfigOptions>,
  options: CallOptions,
): Promise<Readonly<Record<string, unknown>>> {
  const app: CeleryApp = embeddedApp(settings)
  await app.sendTask('export.add', [1], {}, options)
  const delivery = await app.broker().get('export')
  return delivery?.message.headers ?? {}
}

function offsetText(minutes: number): string {
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`
}
