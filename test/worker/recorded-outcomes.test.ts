import { expect, test, vi } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { Ignore, Reject } from '../../src/index.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { resultMessage } from '../../src/results/rpc/messages.ts'
import { resultOf } from '../../src/worker/outcomes/stored-outcome.ts'
import { messagesIn } from '../protocol/recorded.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

interface Call {
  readonly task: string
  readonly args?: readonly unknown[]
  readonly options?: CallOptions
  /** What Python has and JavaScript has not: modules of errors, and arguments of theirs besides the message. */
  readonly ours?: { readonly exc_message?: unknown; readonly exc_module?: string }
}

/** Each recorded reply, by the call that led to it: our worker must send the same. */
const CALLS: Readonly<Record<string, Call>> = {
  'rpc-result-success': { task: 'add', args: [2, 3] },
  'rpc-result-success-dict': { task: 'echo', args: [1, 'é'] },
  'rpc-result-children': { task: 'spawn', args: [5] },
  'rpc-result-group-member': {
    task: 'add',
    args: [1, 1],
    options: { groupId: 'g-1', groupIndex: 0, parentId: 'p-1', rootId: 'r-1' },
  },
  'rpc-result-failure-builtin': { task: 'fail_builtin', args: ['nope'] },
  'rpc-result-failure-custom': {
    task: 'fail',
    args: ['bad thing'],
    ours: { exc_message: ['bad thing'], exc_module: 'builtins' },
  },
  'rpc-result-failure-unserializable-args': {
    task: 'fail_unserializable',
    ours: { exc_message: ['has object { value: Symbol(odd) }'] },
  },
  'rpc-result-encode-error': {
    task: 'return_unserializable',
    ours: { exc_message: [expect.stringContaining('it is a symbol')] },
  },
  'rpc-result-expired': {
    task: 'add',
    args: [1, 1],
    // In the header alone: the broker would drop it.
    options: { headers: { expires: '2001-01-01T00:00:00+00:00' } },
  },
  'rpc-result-progress': { task: 'progress', args: [3] },
  'rpc-result-reject': { task: 'reject_me' },
  'rpc-result-not-registered': { task: 'does_not_exist', args: [1] },
  'rpc-result-retry': { task: 'retry_me' },
  'rpc-result-retry-no-exc': { task: 'retry_noexc' },
  'rpc-result-started-extended': { task: 'add', args: [2, 3] },
  'retry-exhausted': {
    task: 'retry_countdown',
    options: { retries: 1 },
    ours: { exc_message: ['again'], exc_module: 'builtins' },
  },
  'retry-exhausted-no-exc': { task: 'retry_noexc', options: { retries: 5 } },
  'native-delayed-run': { task: 'add', args: [1, 2] },
}

test.each(Object.entries(CALLS))('%s: our worker replies what Python’s did', async (name, call) => {
  const isExtended = name.endsWith('extended')
  const app = projectApp({ result_extended: isExtended, task_track_started: isExtended })
  const expected = messagesIn(name).map(({ message }) => message)
  expect((await repliesTo(app, call, expected.length)).map((reply) => comparable(reply))).toEqual(
    expected.map((reply) => comparable(reply, call.ours)),
  )
})

test('rpc-result-ignore: a task that asks to be ignored sends no reply, and neither does Python’s', async () => {
  expect(messagesIn('rpc-result-ignore')).toEqual([])
  const app = projectApp()
  const publish = vi.spyOn(app.broker(), 'publish')
  const worker = await startWorker(app, { queues: ['proj'] })
  await app.sendTask('proj.tasks.ignore_me')
  await worker.stop()
  const toCallers = publish.mock.calls.filter(([, { routingKey }]) => routingKey === app.replyTo)
  expect(toCallers).toEqual([])
})

test('rpc-result-revoked: what is stored of a task that was revoked is what Python’s worker replies', () => {
  const [recorded] = messagesIn('rpc-result-revoked')
  if (recorded === undefined) throw new Error('nothing is recorded')
  const call = encodeTask({
    task: 'proj.tasks.add',
    id: String(recorded.message.properties.correlationId),
  })
  const outcome = { kind: 'revoked', reason: 'revoked' } as const
  const result = resultOf(decodeTask(call, ['json']), outcome, { worker: 'here', queue: 'q' })
  if (result === null) throw new Error('nothing is stored')
  const { name: _name, ...kept } = result
  expect(comparable(resultMessage(kept, {}))).toEqual(comparable(recorded.message))
})

test('worker-request-context: a task sees in its request what Python’s sees', async () => {
  const [recorded] = messagesIn('worker-request-context')
  const { result: seen } = JSON.parse(String(recorded?.message.body))
  const app = projectApp()
  const [reply] = await repliesTo(
    app,
    { task: 'whoami', args: [1], options: { headers: { x: 'y' }, priority: 2, shadow: 's' } },
    1,
  )
  const { result: ours } = JSON.parse(String(reply?.body))
  expect(ours).toEqual({
    ...seen,
    id: expect.any(String),
    root_id: ours.id,
    correlation_id: ours.id,
    reply_to: app.replyTo,
    origin: expect.stringMatching(/^gen\d+@/),
    headers: expect.objectContaining(seen.headers),
    delivery_info: { priority: 2 },
  })
})

/** The replies that came of it. */
async function repliesTo(
  app: CeleryApp,
  { task, args = [], options = {} }: Call,
  count: number,
): Promise<Message[]> {
  const publish = vi.spyOn(app.broker(), 'publish')
  await startWorker(app, { queues: ['proj'] })
  const { id } = await app.sendTask(`proj.tasks.${task}`, args, {}, options)
  const replies = (): Message[] =>
    publish.mock.calls
      .filter(([, { routingKey }]) => routingKey === app.replyTo)
      .map(([message]) => message)
      .filter(({ properties }) => properties.correlationId === id)
  await waitFor(`${count} replies`, () => replies().length >= count)
  return replies()
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/** A reply without what is bound to differ: times, processes, names of places, the text of a traceback. */
function comparable({ headers, properties, body }: Message, ours: Call['ours'] = {}): unknown {
  const names = new Map<string, string>()
  const meta = JSON.parse(
    String(body).replace(UUID, (id) => {
      names.set(id, names.get(id) ?? `id-${names.size + 1}`)
      return names.get(id) ?? ''
    }),
  )
  const { result, traceback, date_done } = meta
  if (result?.exc_type !== undefined) Object.assign(result, ours)
  if (meta.status === 'STARTED') Object.assign(result, { pid: 1, hostname: 'here' })
  const shown = {
    ...meta,
    result,
    traceback:
      typeof traceback === 'string'
        ? (traceback.trimEnd().split('\n').at(-1)?.match(SIGNAL)?.[0] ?? 'text')
        : traceback,
    date_done: date_done === null ? null : 'a time',
    ...('worker' in meta ? { worker: 'here', queue: 'q' } : {}),
  }
  const { correlationId: _id, ...rest } = properties
  return { headers, properties: rest, keys: Object.keys(meta), ...shown }
}

/** How a traceback of a retry ends; the others are each language's own. */
const SIGNAL = /^celery\.exceptions\.Retry: .*/

class ValueError extends Error {
  override readonly name = 'ValueError'
}

class CustomError extends Error {
  override readonly name = 'CustomError'
}

class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

function projectApp(settings: object = {}): CeleryApp {
  const app = embeddedApp({
    queues: ['proj'],
    result_backend: 'rpc://',
    task_track_started: false,
    ...settings,
  })
  const add = app.task('proj.tasks.add', (x: number, y: number) => x + y)
  const odd = { value: Symbol('odd') }
  app.task('proj.tasks.echo', (...args: unknown[]) => ({ args, kwargs: {} }))
  app.task('proj.tasks.spawn', { bind: true }, async (self, x: number) => {
    await add.delay(x, 1)
    return self.request.id
  })
  app.task('proj.tasks.fail_builtin', (text: string) => fail(new ValueError(text)))
  app.task('proj.tasks.fail', (text: string) => fail(new CustomError(text)))
  app.task('proj.tasks.fail_unserializable', () =>
    fail(Object.assign(new ValueError(`has object { value: ${String(odd.value)} }`), { odd })),
  )
  app.task('proj.tasks.return_unserializable', () => odd)
  app.task('proj.tasks.progress', { bind: true }, async (self, total: number) => {
    await self.updateState('PROGRESS', { done: 1, total })
    return 'finished'
  })
  app.task('proj.tasks.reject_me', () => fail(new Reject('no thanks', { requeue: false })))
  app.task('proj.tasks.ignore_me', () => fail(new Ignore()))
  app.task('proj.tasks.retry_me', { bind: true, defaultRetryDelay: 120 }, (self) =>
    fail(self.retry({ cause: new ConnectionError('upstream down') })),
  )
  app.task('proj.tasks.retry_noexc', { bind: true, maxRetries: 5 }, (self) =>
    fail(self.retry({ countdown: 60 })),
  )
  app.task('proj.tasks.retry_countdown', { bind: true, maxRetries: 1 }, (self) =>
    fail(self.retry({ countdown: 1, cause: new CustomError('again') })),
  )
  app.task('proj.tasks.whoami', { bind: true }, ({ request }) => ({
    id: request.id,
    root_id: request.rootId,
    parent_id: request.parentId,
    group: request.group,
    group_index: request.groupIndex,
    retries: request.retries,
    reply_to: request.replyTo,
    correlation_id: request.correlationId,
    shadow: request.shadow,
    eta: request.eta,
    expires: request.expires,
    timelimit: [request.timeLimit, request.softTimeLimit],
    headers: request.headers,
    stamps: request.stamps,
    stamped_headers: request.stampedHeaders,
    delivery_info: { priority: request.priority },
    origin: request.origin,
    ignore_result: request.ignoreResult,
    replaced_task_nesting: request.replacedTaskNesting,
  }))
  return app
}

function fail(error: Error): never {
  throw error
}
