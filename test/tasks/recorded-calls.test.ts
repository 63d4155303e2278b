import { expect, test, vi } from 'vitest'
import { Tuple } from '../../src/codecs/values.ts'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import { chain } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp } from '../support/embedded-app.ts'
import { asRecorded, comparable, mirrored, recordedMessages } from '../support/vectors.ts'

type Sig = (name: string, ...args: unknown[]) => Signature
type Call = (sig: Sig, app: CeleryApp) => Promise<unknown>

/** proj.tasks.add(1, 1), called with these options. */
const withOptions =
  (options: CallOptions): Call =>
  async (sig) =>
    await sig('add', 1, 1).applyAsync([], options)

/** Calls of one task that were recorded, made by us: the same message must come of each. */
const CALLS: Readonly<Record<string, Call>> = {
  'task-no-args': (sig) => sig('noop').delay(),
  'task-delay-args': (sig) => sig('add', 2, 3).delay(),
  'task-delay-args-kwargs': (_sig, app) =>
    app.sendTask('proj.tasks.echo', [1, 'two', 3.5, null, true], {
      nested: { a: [1, { b: null }] },
      flag: false,
    }),
  'task-unicode': (_sig, app) =>
    app.sendTask('proj.tasks.echo', ['héllo wörld ✓ 😀'], { clé: '日本語' }),
  'task-big-args': (_sig, app) =>
    app.sendTask('proj.tasks.echo', ['x'.repeat(3000), Array.from({ length: 1000 }, (_, n) => n)], {
      k: 'y'.repeat(2000),
      z: 1,
    }),
  'task-argsrepr-types': (sig) =>
    sig(
      'echo',
      ...[1, 1.5, true, null, "it's", 'two\nlines', [1, [2, [3, [4]]]]],
      { a: { b: { c: { d: 1 } } } },
      Tuple.of(5),
    ).delay(),
  'task-argsrepr-override': (sig) =>
    sig('echo', 's3cret').applyAsync([], { argsrepr: '(<secret>,)', kwargsrepr: '{}' }),
  'task-countdown': withOptions({ countdown: 10 }),
  'task-eta-aware-offset': withOptions({ eta: '2031-02-03T04:05:06-05:00' }),
  'task-eta-aware-utc': withOptions({ eta: '2031-02-03T04:05:06.000789+00:00' }),
  'task-eta-naive': withOptions({ eta: '2031-02-03T04:05:06' }),
  'task-expires-seconds': withOptions({ expires: 60 }),
  'task-expires-float': withOptions({ expires: 1.2345 }),
  'task-expires-datetime': withOptions({ expires: new Date('2031-01-01T00:00:00Z') }),
  'task-time-limits': withOptions({ timeLimit: 30, softTimeLimit: 20 }),
  'task-shadow': withOptions({ shadow: 'pretty.name' }),
  'task-ignore-result': withOptions({ ignoreResult: true }),
  'task-custom-headers': withOptions({
    headers: { 'x-trace': 'abc', periodic_task_name: 'nightly' },
  }),
  'task-custom-reply-to': withOptions({ replyTo: 'my.replies', taskId: 'my-own-id' }),
  'task-transient': withOptions({ deliveryMode: 1 }),
  'task-priority': withOptions({ priority: 7 }),
  // AMQP has no place for what Python's caller gave, so it is not in the message; here it is refused.
  'task-unknown-option': withOptions({}),
  'task-send-task-by-name': (_sig, app) => app.sendTask('other.service.do', [1], { k: 'v' }),
  'task-link': (sig) => sig('add', 1, 2).applyAsync([], { link: sig('mul', 10) }),
  'task-link-error': (sig) => sig('add', 1, 2).applyAsync([], { linkError: sig('on_error') }),
  'task-link-and-error': (sig) =>
    sig('add', 1, 2).applyAsync([], {
      link: sig('mul', 3),
      linkError: [sig('on_error'), sig('on_error_old')],
    }),
  'task-stamps': (sig) => sig('add', 1, 2).stamp({ monitoring_id: 'm-123' }).applyAsync(),
  'canvas-chain-options': (sig) =>
    chain(
      sig('add', 1, 2).set({ queue: 'proj', priority: 3 }),
      sig('mul', 3).set({ queue: 'other', countdown: 5, expires: 100, timeLimit: 9 }),
    ).applyAsync(),
  'compat52-task': (sig) => sig('add', 2, 3).delay(),
}

const PROTOCOL_1: Readonly<Record<string, Call>> = {
  'proto1-plain': (sig) => sig('add', 1, 2).delay(),
  'proto1-full': (sig) =>
    sig('add', 1, 2).applyAsync([], {
      countdown: 10,
      expires: 60,
      link: sig('mul', 3),
      linkError: sig('on_error'),
      timeLimit: 9,
      softTimeLimit: 8,
    }),
  'proto1-chain': (sig) => chain(sig('add', 1, 2), sig('mul', 3), sig('add', 4)).applyAsync(),
}

/** What differs by design: a list where Python's caller gave one, and what Celery 5.2 did not send yet. */
const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  'task-send-task-by-name': ['argsrepr'],
  'compat52-task': ['replaced_task_nesting', 'stamped_headers', 'stamps'],
}

test.each(Object.entries(CALLS))(
  '%s: our call gives the message that Python sent',
  async (name, call) => {
    await expectSame(name, call, {})
  },
)

test.each(Object.entries(PROTOCOL_1))(
  '%s: our call gives the message that Python sent, with task_protocol 1',
  async (name, call) => {
    await expectSame(name, call, { task_protocol: 1 })
  },
)

test('native-delayed-message: our call goes the way that Python’s went', async () => {
  const app = embeddedApp({ queues: ['proj'], NATIVE_DELAYED_DELIVERY: true })
  await app.sendTask('proj.tasks.add', [1, 2], {}, { countdown: 90_061 })
  const delivery = await app.broker().get('platform.fifo')
  if (delivery === undefined) throw new Error('nothing was mirrored')
  const [recorded] = recordedMessages('native-delayed-message')
  expect(delivery.route).toEqual({
    exchange: recorded?.exchange,
    routingKey: recorded?.routing_key.replace('nd.main', 'proj'),
  })
  expect(comparable([asRecorded(delivery.message)].map(withoutReplyTo))).toEqual(
    comparable(recordedMessages('native-delayed-message').map(withoutReplyTo)),
  )
})

test('task-expires-past: our call gives the message that Python sent, which no queue keeps', async () => {
  const app = embeddedApp({ queues: ['proj'] })
  const publish = vi.spyOn(app.broker(), 'publish')
  const expires = new Date('2001-01-01T00:00:00Z')
  await app.sendTask('proj.tasks.add', [1, 1], {}, { expires, priority: null })
  const sent = publish.mock.calls.map(([message]) => asRecorded(message))
  expect(comparable(sent)).toEqual(comparable(recordedMessages('task-expires-past')))
  expect(await mirrored(app.broker())).toEqual([])
})

async function expectSame(
  name: string,
  call: Call,
  settings: Partial<ConfigOptions>,
): Promise<void> {
  const app = embeddedApp({ queues: ['proj', 'other'], ...settings })
  await call((task, ...args) => app.signature(`proj.tasks.${task}`, args), app)
  const without = WITHOUT[name] ?? []
  const ours = comparable((await mirrored(app.broker())).map(steady), { without })
  expect(ours).toEqual(comparable(recordedMessages(name).map(steady), { without }))
}

/** The queues have other names here; and how long something is valid depends on when it is asked. */
function steady<Recorded extends ReturnType<typeof asRecorded>>(message: Recorded): Recorded {
  const { expiration } = message.properties
  const isFar = Number(expiration) > 1_000_000
  return {
    ...message,
    body: message.body.replace('"queue": "celery"', '"queue": "proj"'),
    properties: { ...message.properties, ...(isFar ? { expiration: 'far' } : {}) },
  }
}

/** The queue of whoever called. */
function withoutReplyTo<Recorded extends ReturnType<typeof asRecorded>>(message: Recorded) {
  const { reply_to: _replyTo, ...properties } = message.properties
  return { ...message, properties }
}
