import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { chain, chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { runPythonJson, startPythonWorker } from '../support/python-celery.ts'

const WAIT = { timeoutMs: 30_000 }

interface Place {
  readonly app: CeleryApp
  readonly servers: Servers
  readonly same: (...args: unknown[]) => Signature
  /** A member of our own that is replaced by this workflow when it runs. */
  readonly becoming: (name: keyof typeof REPLACEMENTS) => Signature
}

/** What a member becomes; tasks named python.* end on a Python worker, where nothing is counted in PostgreSQL. */
const REPLACEMENTS = {
  'a group': ({ same }: Place) => group(same(1), same(2)),
  'a Python task': ({ app }: Place) => app.signature('python.add', [1, 100]),
  'a chain that ends in Python': ({ app, same }: Place) =>
    chain(same(1), app.signature('python.add', [100])),
  'a chord with its body in Python': ({ app, same }: Place) =>
    chord([same(1), same(2)], app.signature('python.echo')),
  'a chain that Python begins': ({ app, same }: Place) =>
    chain(app.signature('python.add', [1, 100]), same()),
  'a Python task that fails': ({ app }: Place) => app.signature('python.fail', ['on purpose']),
  'a Python task that fails before the end': ({ app, same }: Place) =>
    chain(app.signature('python.fail', ['on purpose']), same()),
}

const VALUES: Readonly<Partial<Record<keyof typeof REPLACEMENTS, unknown>>> = {
  'a group': [0, [1, 2]],
  'a Python task': [0, 101],
  'a chain that ends in Python': [0, 101],
  'a chord with its body in Python': [0, { args: [[1, 2]], kwargs: {} }],
  'a chain that Python begins': [0, 101],
}

test('a counted chord ends whatever a member of it becomes: its body gets the results, or fails', async () => {
  const place = await mixedFleet()
  const { same, becoming } = place
  const ends = (Object.keys(REPLACEMENTS) as (keyof typeof REPLACEMENTS)[]).map(async (name) => {
    const result = await chord([same(0), becoming(name)], same()).applyAsync()
    const value = await result.get(WAIT).catch((error: unknown) => String(error))
    return [name, value] as const
  })
  for (const [name, value] of await Promise.all(ends)) {
    if (name in VALUES) expect([name, value]).toEqual([name, VALUES[name]])
    else expect([name, value]).toEqual([name, expect.stringMatching(/ChordError.*on purpose/)])
  }
  // The chord around one that Python fails is told as well: it is handed over with it.
  const inner = chord([same(0), becoming('a Python task that fails')], same())
  const outer = await chord([same(0), inner], same()).applyAsync()
  await expect(outer.get(WAIT)).rejects.toThrow('ChordError')
  const started = chain(same(5), chord([same(), becoming('a group')], same()))
  expect(await (await started.applyAsync()).get(WAIT)).toEqual([5, [1, 2]])
})

test('a counted chord that our worker starts for a caller in Python ends where a member becomes a group', async () => {
  const { servers } = await mixedFleet()
  const value = await runPythonJson(
    `import json; from toolbox_app import app; from celery import chain, chord, signature
same = lambda *a: signature('node.same', args=a, app=app)
becomes = signature('node.becomes', args=('a group',), app=app, immutable=True)
print(json.dumps(chain(same(1), chord([same(), becomes], same())).apply_async().get(timeout=30)))`,
    { env: servers.env },
  )
  expect(value).toEqual([1, [1, 2]])
})

async function mixedFleet(): Promise<Place> {
  const servers = await freshServers(['node', 'python'])
  const app = liveApp(servers)
  const task = app.task('node.same', (value: unknown) => value)
  const place: Place = {
    app,
    servers,
    same: (...args) => app.signature(task.name, args),
    becoming: (name) => app.signature('node.becomes', [name], {}, { isImmutable: true }),
  }
  app.task('node.becomes', { bind: true }, (self, name: keyof typeof REPLACEMENTS) => {
    throw self.replace(REPLACEMENTS[name](place))
  })
  await startWorker(app, { queues: ['node'] })
  await startPythonWorker({ env: servers.env, queues: ['python', 'celery'] })
  return place
}
