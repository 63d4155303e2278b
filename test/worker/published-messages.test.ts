import { expect, test, vi } from 'vitest'
import type { ConfigOptions } from '../../src/config/config.ts'
import type { CeleryApp } from '../../src/create-app.ts'
import type { CallOptions } from '../../src/protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../src/protocol/tasks/task-request.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { type asRecorded, comparable, mirrored, recordedMessages } from '../support/vectors.ts'
import { waitFor } from '../support/wait-for.ts'

type Sig = (name: string, ...args: unknown[]) => Signature
type Call = (sig: Sig, app: CeleryApp) => Promise<unknown>

const FAMILY: CallOptions = {
  groupId: 'g-9',
  groupIndex: 4,
  timeLimit: 30,
  softTimeLimit: 20,
  expires: 3600,
  shadow: 'nice',
  priority: 4,
  headers: { 'x-h': 1 },
  rootId: 'root-1',
  parentId: 'parent-1',
}

/** Each recorded call, run by our worker: it must publish what Python's worker published. */
const CALLS: readonly (readonly [vector: string, call: Call])[] = [
  [
    'worker-chain-steps',
    (sig) => chain(sig('add', 1, 2), sig('mul', 3), sig('add', 4)).applyAsync(),
  ],
  [
    'worker-chain-into-group',
    (sig) => chain(sig('add', 1, 2), group(sig('mul', 2), sig('mul', 3))).applyAsync(),
  ],
  [
    'worker-chain-options',
    (sig) =>
      chain(
        sig('add', 1, 2),
        sig('mul', 3).set({ queue: 'other', countdown: 5, priority: 6, timeLimit: 9 }),
      ).applyAsync(),
  ],
  [
    'worker-chain-immutable-step',
    (sig, app) =>
      chain(
        sig('add', 1, 2),
        app.signature('proj.tasks.echo', ['fresh'], {}, { isImmutable: true }),
      ).applyAsync(),
  ],
  ['worker-link-callback', (sig) => sig('add', 1, 2).applyAsync([], { link: sig('mul', 10) })],
  [
    'worker-link-two',
    (sig, app) =>
      sig('add', 1, 2).applyAsync([], {
        link: [sig('mul', 10), app.signature('proj.tasks.echo', ['x'], {}, { isImmutable: true })],
      }),
  ],
  [
    'worker-errback-unregistered',
    (_sig, app) =>
      app.sendTask(
        'proj.tasks.fail',
        [1, 'x'],
        {},
        { linkError: app.signature('node.tasks.on_error') },
      ),
  ],
  [
    'worker-errback-old-style',
    (sig, app) =>
      app.sendTask(
        'proj.tasks.fail',
        [1, 'x'],
        {},
        { linkError: [sig('on_error'), sig('on_error_old')] },
      ),
  ],
  [
    'worker-chain-stamped',
    (sig) =>
      chain(sig('add', 1, 2), sig('mul', 3))
        .stamp({ tenant: 'acme' })
        .applyAsync(),
  ],
  ['worker-spawn', (_sig, app) => app.sendTask('proj.tasks.spawn', [5], {}, { rootId: 'root-77' })],
  ['worker-replace', (_sig, app) => app.sendTask('proj.tasks.replace_me', [5])],
  ['retry-default-delay', (_sig, app) => app.sendTask('proj.tasks.retry_me', [1], { k: 2 })],
  ['retry-third', (_sig, app) => app.sendTask('proj.tasks.retry_me', [1], {}, { retries: 2 })],
  [
    'retry-in-chain',
    (sig) =>
      chain(
        sig('retry_me', 1),
        sig('mul', 3).set({ taskId: 'next-1', replyTo: 'w.reply' }),
      ).applyAsync(),
  ],
  // Ours always come through a named exchange, to which they go back.
  ['retry-topic-exchange', (sig) => sig('retry_me', 1).delay()],
  ['retry-autoretry-backoff', (_sig, app) => app.sendTask('proj.tasks.auto', [1])],
  [
    'retry-rich',
    (sig, app) =>
      app.sendTask(
        'proj.tasks.retry_me',
        [1],
        {},
        {
          ...FAMILY,
          link: sig('mul', 2),
          linkError: sig('on_error'),
        },
      ),
  ],
]

test.each(CALLS)('%s: our worker publishes what Python’s did', async (vector, call) => {
  const app = projectApp()
  await startWorker(app, { queues: ['proj'] })
  const expected = recordedMessages(vector)
  await call((name, ...args) => app.signature(`proj.tasks.${name}`, args), app)
  const seen: Awaited<ReturnType<typeof mirrored>> = []
  await waitFor('the messages of the worker', async () => {
    seen.push(...(await mirrored(app.broker())))
    return seen.length > expected.length
  })
  const [, ...published] = seen
  // Python shows the arguments of immutable signatures as a list; it is text for people.
  const without = vector === 'worker-chain-immutable-step' ? ['argsrepr'] : []
  expect(comparable(published.map(steady), { without })).toEqual(
    comparable(expected.map(steady), { without }),
  )
})

test('a retried message goes back to the exchange and the key it came by', async () => {
  const app = projectApp()
  await startWorker(app, { queues: ['proj'] })
  const publish = vi.spyOn(app.broker(), 'publish')
  await app.sendTask('proj.tasks.retry_me', [1])
  await waitFor('the retry', () => publish.mock.calls.length === 2)
  const [sent, retried] = publish.mock.calls.map(([, { exchange, routingKey }]) => ({
    exchange,
    routingKey,
  }))
  expect(retried).toEqual(sent)
  expect(sent).toEqual({ exchange: 'task_exchange', routingKey: 'proj' })
})

test('with task_protocol 1, a retry is sent in protocol 1 too', async () => {
  const app = projectApp({ task_protocol: 1, enable_utc: false, timezone: 'Asia/Kolkata' })
  await startWorker(app, { queues: ['proj'] })
  const publish = vi.spyOn(app.broker(), 'publish')
  await app.sendTask('proj.tasks.retry_me', [1], {}, { link: app.signature('proj.tasks.mul', [2]) })
  await waitFor('the retry', () => publish.mock.calls.length === 2)
  const [sent, retried] = publish.mock.calls.map(([message]) => JSON.parse(String(message.body)))
  expect(retried).toEqual({ ...sent, retries: 1, eta: expect.stringMatching(/\+05:30$/) })
  expect(sent).toMatchObject({ utc: false, callbacks: [{ task: 'proj.tasks.mul' }] })
})

// Compared with what Python publishes for random workflows (npm run test:published-messages).
test('the steps behind a task that a chord replaces go into the body of that chord', async () => {
  const published = await replacedBy((sig) => chord([sig('add', 1, 1)], sig('echo')))
  const member = published.find(({ task }) => task === 'proj.tasks.add')
  const body = member?.embed.chord
  expect(body?.task).toBe('celery.chain')
  const steps = ['proj.tasks.echo', 'celery.chord', 'proj.tasks.echo']
  expect(namesOf(body?.kwargs.tasks)).toEqual(steps)
  expect(body?.options).not.toHaveProperty('chain')
})

test('a chain that replaces a task is sent with the root of the task, the steps behind it with theirs', async () => {
  const alone = await replacedBy((sig) => chain(sig('add', 1, 1), sig('echo')), { isLast: true })
  const [first] = alone.filter(({ task }) => task === 'proj.tasks.add')
  expect(first?.embed.chain?.[0]?.options.root_id).toBe('root-1')
  const followed = await replacedBy((sig) => chain(sig('add', 1, 1), sig('echo')))
  const [start] = followed.filter(({ task }) => task === 'proj.tasks.add')
  expect(namesOf(start?.embed.chain)).toEqual([
    'proj.tasks.echo',
    'celery.chord',
    'proj.tasks.echo',
  ])
})

test('a chord that is the member of a group says so in the options of its body, and in no message', async () => {
  const app = projectApp()
  await startWorker(app, { queues: ['proj'] })
  const sig: Sig = (name, ...args) => app.signature(`proj.tasks.${name}`, args)
  await group(chord([sig('add', 1, 1)], sig('echo')), sig('add', 2, 2)).applyAsync()
  const published = await publishedBy(app, 3)
  const bodies = published.flatMap(({ embed: { chord: body } }) => body ?? [])
  expect(bodies.map(({ options }) => options.add_to_parent)).toEqual([false])
  for (const { headers } of published) expect(headers).not.toHaveProperty('add_to_parent')
})

test('the steps of what replaced a task say so, where Celery 5.2 said it of the first one alone', async () => {
  const app = projectApp()
  await startWorker(app, { queues: ['proj'] })
  const sig: Sig = (name, ...args) => app.signature(`proj.tasks.${name}`, args)
  await chain(
    sig('add', 1, 1).set({ replacedTaskNesting: 2 }),
    sig('mul', 3),
    sig('echo').set({ replacedTaskNesting: 5 }),
    sig('echo'),
  ).applyAsync()
  const published = await publishedBy(app, 4)
  const nestings = published.map(({ headers }) => headers.replaced_task_nesting)
  expect(nestings).toEqual([2, 2, 5, 5])
})

interface Sent {
  readonly task: unknown
  readonly headers: Readonly<Record<string, unknown>>
  readonly embed: {
    readonly chain: readonly SignatureDict[] | null
    readonly chord: SignatureDict | null
  }
}

function namesOf(steps: unknown): readonly string[] {
  return (steps as readonly SignatureDict[]).map(({ task }) => task)
}

/** What a worker publishes for a task that is replaced, with a step and a chord behind it, or last. */
async function replacedBy(
  by: (sig: Sig) => Signature,
  { isLast = false }: { readonly isLast?: boolean } = {},
): Promise<readonly Sent[]> {
  const app = projectApp()
  const sig: Sig = (name, ...args) => app.signature(`proj.tasks.${name}`, args)
  app.task('proj.tasks.swap', { bind: true }, (self) => self.replace(by(sig)))
  await startWorker(app, { queues: ['proj'] })
  const swap = sig('swap').set({ rootId: 'root-1' })
  if (isLast) await swap.applyAsync()
  else await chain(swap, chord([sig('echo')], sig('echo')), sig('echo')).applyAsync()
  return await publishedBy(app, isLast ? 3 : 6)
}

async function publishedBy(app: CeleryApp, count: number): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  await waitFor('the messages', async () => {
    for (const { body, headers } of await mirrored(app.broker())) {
      sent.push({ task: headers.task, headers, embed: JSON.parse(body)[2] })
    }
    return sent.length >= count
  })
  return sent
}

/** What differs from run to run, or names the other side's queue for replies. */
function steady<Recorded extends ReturnType<typeof asRecorded>>(message: Recorded): Recorded {
  const { reply_to: _reply, expiration, ...properties } = message.properties
  return {
    ...message,
    properties: { ...properties, ...(expiration === undefined ? {} : { expiration: 'some' }) },
  }
}

function projectApp(settings: Partial<ConfigOptions> = {}): CeleryApp {
  const app = embeddedApp({ queues: ['proj', 'node'], task_track_started: false, ...settings })
  const add = app.task('proj.tasks.add', (x: number, y: number) => x + y)
  app.task('proj.tasks.mul', (x: number, y: number) => x * y)
  app.task('proj.tasks.echo', (...args: unknown[]) => args)
  app.task('proj.tasks.spawn', async (x: number) => (await add.delay(x, 1)).id)
  app.task('proj.tasks.replace_me', { bind: true }, (self, x: number) => {
    throw self.replace(add.s(x, 100))
  })
  // As in Python: the first is called here, the second gets a message.
  app.task('proj.tasks.on_error', (_request: unknown, _error: unknown, _traceback: unknown) => null)
  app.task('proj.tasks.on_error_old', (id: string) => id)
  app.task('proj.tasks.fail', () => {
    throw new Error('boom')
  })
  app.task(
    'proj.tasks.auto',
    { autoretryFor: [Error], retryBackoff: 2, retryJitter: false },
    () => {
      throw new Error('again')
    },
  )
  app.task('proj.tasks.retry_me', { bind: true, defaultRetryDelay: 120 }, (self) => {
    throw self.retry({ cause: new Error('again') })
  })
  return app
}
