import { describe, expect, test } from 'vitest'
import { type CeleryApp, chain, chord, group } from '../../src/index.ts'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp, type Servers } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'
import { askPython, PYTHONS, sharedWorker, startInteropWorker } from './ask-python.ts'

const WAIT = { timeoutMs: 20_000 }
const START = '{"steps": [], "roots": []}'

interface Trail {
  readonly steps: readonly string[]
  readonly roots: readonly string[]
}

describe.each(PYTHONS)('Celery (%s)', (python) => {
  const place = sharedWorker(python, ['python'])

  test('a chain that alternates languages runs in order as one family, whichever language starts it', async () => {
    const app = nodeApp(place.servers)
    await startWorker(app, { queues: ['export', 'celery'] })
    const step = (name: string, text: string) => app.signature(name, [text])
    const ours = await chain(
      app.signature('export.join', [{ steps: [], roots: [] }, 'node']),
      step('python.join', 'python'),
      step('export.join', 'node again'),
      step('python.join', 'python again'),
    ).applyAsync()
    const trail = (await ours.get(WAIT)) as Trail
    expect(trail.steps).toEqual(['node', 'python', 'node again', 'python again'])
    expect(new Set(trail.roots).size).toBe(1)
    const theirs = await askPython<Trail>(python, place.servers.env, {
      code: `
step = lambda name, *args: signature(name, args=args, app=app)
steps = chain(step('python.join', ${START}, 'python'), step('export.join', 'node'), step('python.join', 'python again'),
    step('export.join', 'node again'))`,
      answer: 'get(steps.apply_async())',
    })
    expect(theirs.steps).toEqual(['python', 'node', 'python again', 'node again'])
    expect(new Set(theirs.roots).size).toBe(1)
  })

  test('a chain that breaks in one language fails for its caller in the other', async () => {
    const app = nodeApp(place.servers)
    await startWorker(app, { queues: ['export', 'celery'] })
    const broken = await chain(
      app.signature('python.fail', ['broken']),
      app.signature('export.add', [1]),
    ).applyAsync()
    await expect(broken.get(WAIT)).rejects.toMatchObject({
      excType: 'ValueError',
      excArgs: ['broken'],
    })
    const theirs = await askPython(python, place.servers.env, {
      code: `broken = signature('export.fail', args=('broken',), app=app) | signature('python.add', args=(1,), app=app)`,
      answer: 'failure(broken.apply_async())',
    })
    expect(theirs).toMatchObject({ type: 'TypeError', args: ['broken'] })
  })

  test('a group has members in both languages, whichever language starts it', async () => {
    const app = nodeApp(place.servers)
    await startWorker(app, { queues: ['export', 'celery'] })
    const members = await group(
      app.signature('export.add', [1, 2]),
      app.signature('python.add', [3, 4]),
    ).applyAsync()
    expect(await members.get(WAIT)).toEqual([3, 7])
    const theirs = await askPython(python, place.servers.env, {
      code: `members = group(signature('export.add', args=(1, 2), app=app), signature('python.add', args=(3, 4), app=app))`,
      answer: 'get(members.apply_async())',
    })
    expect(theirs).toEqual([3, 7])
  })

  test('callbacks and errbacks are called in the other language', async () => {
    const app = nodeApp(place.servers)
    await startWorker(app, { queues: ['export', 'celery'] })
    const linked = (id: string, task: string) => ({
      link: app.signature(task, ['linked'], {}, { taskId: `${id}-linked` }),
      linkError: app.signature(task, ['failed'], {}, { taskId: `${id}-failed` }),
    })
    await app.sendTask('export.add', [1, 2], {}, linked('a', 'python.note'))
    await app.sendTask('python.add', [3, 4], {}, linked('b', 'export.note'))
    await app.sendTask('export.fail', ['x'], {}, { taskId: 'c', ...linked('c', 'python.note') })
    await app.sendTask('python.fail', ['x'], {}, { taskId: 'd', ...linked('d', 'export.note') })
    expect(await app.asyncResult('a-linked').get(WAIT)).toEqual([3, 'linked'])
    expect(await app.asyncResult('b-linked').get(WAIT)).toEqual([7, 'linked'])
    expect(await app.asyncResult('c-failed').get(WAIT)).toEqual(['c', 'failed'])
    expect(await app.asyncResult('d-failed').get(WAIT)).toEqual(['d', 'failed'])
  })

  test.each(['Node', 'Python'])(
    'a chord has members in both languages and a body in either, with its waiting task run by %s',
    async (waiter) => {
      const servers = await freshServers()
      const app = nodeApp(servers)
      const own = waiter === 'Node' ? ['export', 'celery'] : ['export']
      await startWorker(app, { queues: own })
      await startInteropWorker(
        python,
        servers,
        waiter === 'Node' ? ['python'] : ['python', 'celery'],
      )
      const header = [app.signature('export.add', [1, 2]), app.signature('python.add', [3, 4])]
      const bodies = await Promise.all(
        ['export.total', 'python.total'].map((body) =>
          chord(header, app.signature(body)).applyAsync(),
        ),
      )
      expect(await Promise.all(bodies.map((body) => body.get(WAIT)))).toEqual([10, 10])
      const theirs = await askPython(python, servers.env, {
        // The body names its queue, which this version of Celery needs for chords in a database.
        code: `
header = [signature('export.add', args=(1, 2), app=app), signature('python.add', args=(3, 4), app=app)]
bodies = [signature(f'{queue}.total', app=app, queue=queue) for queue in ('export', 'python')]
started = [chord(header, body, app=app).apply_async() for body in bodies]`,
        answer: '[get(result) for result in started]',
      })
      expect(theirs).toEqual([10, 10])
    },
  )
})

test('a Python task that calls a Node task is its parent', async () => {
  const servers = await freshServers()
  const app = nodeApp(servers)
  await startWorker(app, { queues: ['export', 'celery'] })
  await startInteropWorker('new', servers, ['python'])
  const outer = await app.sendTask<string>('python.call_node', ['export.family', []])
  const innerId = await outer.get(WAIT)
  const family = await waitFor('the inner result', () => app.asyncResult(innerId).get(WAIT))
  expect(family).toEqual([outer.id, outer.id])
})

function nodeApp(servers: Servers): CeleryApp {
  const app = liveApp(servers)
  app.task('export.add', (x: number, y: number) => x + y)
  app.task('export.total', (numbers: number[]) => numbers.reduce((sum, each) => sum + each, 0))
  app.task('export.note', (...args: unknown[]) => args)
  app.task('export.fail', (reason: string) => {
    throw new TypeError(reason)
  })
  app.task('export.family', { bind: true }, ({ request }) => [request.parentId, request.rootId])
  app.task('export.join', { bind: true }, ({ request }, { steps, roots }: Trail, text: string) => ({
    steps: [...steps, text],
    roots: [...roots, request.rootId],
  }))
  return app
}
