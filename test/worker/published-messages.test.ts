import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import type { CallOptions } from '../../src/protocol/call-options.ts'
import { chain, group } from '../../src/tasks/canvas/canvas.ts'
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
  ['worker-spawn', (_sig, app) => app.sendTask('proj.tasks.spawn', [5], {}, { rootId: 'root-77' })],
  ['worker-replace', (_sig, app) => app.sendTask('proj.tasks.replace_me', [5])],
  ['retry-default-delay', (_sig, app) => app.sendTask('proj.tasks.retry_me', [1], { k: 2 })],
  ['retry-third', (_sig, app) => app.sendTask('proj.tasks.retry_me', [1], {}, { retries: 2 })],
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
  await waitFor('the messages of the worker', async () => {
    const { messages } = await app.broker().depth('platform.fifo')
    return messages > expected.length
  })
  const [, ...published] = await mirrored(app.broker())
  // Python shows the arguments of immutable signatures as a list; it is text for people.
  const without = vector === 'worker-chain-immutable-step' ? ['argsrepr'] : []
  expect(comparable(published.map(steady), { without })).toEqual(
    comparable(expected.map(steady), { without }),
  )
})

/** What differs from run to run, or names the other side's queue for replies. */
function steady<Recorded extends ReturnType<typeof asRecorded>>(message: Recorded): Recorded {
  const { reply_to: _reply, expiration, ...properties } = message.properties
  return {
    ...message,
    properties: { ...properties, ...(expiration === undefined ? {} : { expiration: 'some' }) },
  }
}

function projectApp(): CeleryApp {
  const app = embeddedApp({ queues: ['proj', 'node'], task_track_started: false })
  const add = app.task('proj.tasks.add', (x: number, y: number) => x + y)
  app.task('proj.tasks.mul', (x: number, y: number) => x * y)
  app.task('proj.tasks.echo', (...args: unknown[]) => args)
  app.task('proj.tasks.spawn', async (x: number) => (await add.delay(x, 1)).id)
  app.task('proj.tasks.replace_me', { bind: true }, (self, x: number) => {
    throw self.replace(add.s(x, 100))
  })
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
