import { celeryRemotes, Engine, linear, MemoryStore, remote, task } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'
import { freshServers, liveApp } from '../support/live-app.ts'
import { startPythonWorker } from '../support/python-celery.ts'

test('a Python worker runs a step and its revert; ids make the run a family', async () => {
  const servers = await freshServers()
  const app = liveApp(servers)
  await startPythonWorker({ env: servers.env, queues: ['python'] })
  const undone: unknown[] = []
  const make = (isFailing: boolean) =>
    linear('mixed', {}, [
      task('request', {
        provides: 'seen',
        args: ['n'],
        execute: remote('python.request'),
        revert: remote('python.echo'),
      }),
      task('end', {
        args: ['seen'],
        revertArgs: ['seen'],
        execute: ({ seen }) => {
          if (isFailing) throw new Error('not now')
          return seen
        },
        revert: ({ seen }) => undone.push(seen),
      }),
    ])
  const remotes = celeryRemotes(app)
  const done = new Engine(make(false), { remotes, store: { n: 1 }, flowId: 'flow-1' })
  await done.run()
  expect(JSON.stringify(await done.fetch('seen'))).toContain('flow-1')
  const failing = new Engine(make(true), { remotes, store: { n: 1 } })
  await expect(failing.run()).rejects.toThrow('not now')
  expect(failing.atoms().map(({ state }) => state)).toEqual(['REVERTED', 'REVERTED'])
  expect(undone).toHaveLength(1)
})

test('an error of a Python step is a failure under its Python name', async () => {
  const servers = await freshServers()
  const app = liveApp(servers)
  await startPythonWorker({ env: servers.env, queues: ['python'] })
  const engine = new Engine(task('a', { execute: remote('python.add'), args: ['x'] }), {
    remotes: celeryRemotes(app),
    store: { x: 1 },
  })
  await expect(engine.run()).rejects.toMatchObject({ name: 'TypeError' })
})

test('an engine that releases waits for the same attempt when it goes on', async () => {
  const servers = await freshServers()
  const app = liveApp(servers)
  const persist = new MemoryStore()
  const remotes = celeryRemotes(app)
  const make = () => task('a', { execute: remote('python.add'), args: ['x', 'y'], provides: 'sum' })
  const options = {
    remotes,
    persist,
    flowId: 'f',
    waits: 'release',
    store: { x: 1, y: 2 },
  } as const
  const first = new Engine(make(), options)
  await first.run()
  const [attemptId = ''] = first.waitsFor?.signals ?? []
  expect(first.state).toBe('SUSPENDED')
  await startPythonWorker({ env: servers.env, queues: ['python'] })
  await (await app.results()).waitFor(attemptId)
  await persist.sendSignal('f', attemptId, null)
  const second = new Engine(make(), options)
  await second.run()
  expect(await second.fetch('sum')).toBe(3)
})
