import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp } from '../support/embedded-app.ts'
import { comparable, mirrored, recordedMessages } from '../support/vectors.ts'

type Call = (
  sig: (name: string, ...args: unknown[]) => Signature,
  app: CeleryApp,
) => Promise<unknown>

/** Each recorded call, made by us: the same messages must come of it. */
const CALLS: readonly (readonly [vector: string, call: Call])[] = [
  ['canvas-chain-3', (sig) => chain(sig('add', 1, 2), sig('mul', 3), sig('add', 4)).applyAsync()],
  [
    'canvas-chain-immutable',
    (sig, app) =>
      chain(
        sig('add', 1, 2),
        app.signature('proj.tasks.echo', ['fresh'], {}, { isImmutable: true }),
        app.signature('proj.tasks.echo', [], { tag: 'end' }),
      ).applyAsync(),
  ],
  [
    'canvas-chain-link-error',
    (sig) =>
      chain(sig('add', 1, 2), sig('mul', 3)).applyAsync([], {
        link: sig('echo'),
        linkError: sig('on_error'),
      }),
  ],
  [
    'canvas-chain-with-group',
    (sig) => chain(sig('add', 1, 2), group(sig('mul', 2), sig('mul', 3))).applyAsync(),
  ],
  [
    'canvas-group-3',
    (sig) => group(sig('add', 0, 0), sig('add', 1, 1), sig('add', 2, 2)).applyAsync(),
  ],
  [
    'canvas-group-into-chain',
    (sig) =>
      chain(group(sig('add', 1, 1), sig('add', 2, 2)), sig('tsum'), sig('mul', 10)).applyAsync(),
  ],
  [
    'canvas-group-with-chain',
    (sig) => group(chain(sig('add', 1, 1), sig('mul', 5)), sig('add', 2, 2)).applyAsync(),
  ],
  [
    'canvas-chain-stamped',
    (sig) =>
      chain(sig('add', 1, 2), sig('mul', 3))
        .stamp({ tenant: 'acme' })
        .applyAsync(),
  ],
  [
    'task-stamps-direct',
    (sig) => sig('add', 1, 2).stamp({ tenant: 'acme', shard: 3 }).applyAsync(),
  ],
  [
    'task-link-two',
    (sig, app) =>
      sig('add', 1, 2).applyAsync([], {
        link: [
          sig('mul', 10),
          app.signature(
            'proj.tasks.echo',
            ['done'],
            {},
            { isImmutable: true, queue: 'other', countdown: 5 },
          ),
        ],
      }),
  ],
  [
    'canvas-map',
    (_sig, app) =>
      app
        .task('proj.tasks.tsum', sum)
        .map([
          [1, 2],
          [3, 4],
        ])
        .applyAsync(),
  ],
  [
    'canvas-chunks',
    (_sig, app) =>
      app
        .task('proj.tasks.add', (x: number, y: number) => x + y)
        .chunks(
          [
            [0, 0],
            [1, 1],
            [2, 2],
          ],
          2,
        )
        .applyAsync(),
  ],
  [
    'chord-database',
    (sig) =>
      chord([sig('add', 1, 1), sig('add', 2, 2), sig('add', 3, 3)], sig('tsum')).applyAsync(),
  ],
]

test.each(CALLS)('%s: our call gives the messages that Python sent', async (vector, call) => {
  const app = embeddedApp({ queues: ['proj'] })
  await call((name, ...args) => app.signature(`proj.tasks.${name}`, args), app)
  const expected = recordedMessages(vector)
  // Text that shows tuples as lists: it is for people, and JavaScript has no tuples.
  const without = expected.some(showsTuples) ? ['argsrepr', 'kwargsrepr'] : []
  expect(comparable(await mirrored(app.broker()), { without })).toEqual(
    comparable(expected, { without }),
  )
})

function showsTuples({
  headers,
}: {
  readonly headers: Readonly<Record<string, unknown>>
}): boolean {
  return String(headers.task).startsWith('celery.')
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

test('maps, starmaps and chunks go where the task goes that they call', async () => {
  const app = embeddedApp({ queues: ['export', 'python'] })
  const add = app.signature('python.add')
  await add.map([[1, 2]]).applyAsync()
  await add.starmap([[1, 2]]).applyAsync([], { priority: 3 })
  await add.chunks([[1, 2]], 1).applyAsync()
  expect((await app.broker().depth('python')).messages).toBe(3)
})
