import { expect, test } from 'vitest'
import { chain, chord } from '../src/tasks/canvas/canvas.ts'
import { startWorker } from './support/embedded-app.ts'
import { finishedHistory, freshServers, liveApp, startMonitor } from './support/live-app.ts'
import { isOnSqs } from './support/rabbitmq.ts'

test('a call is published, queued, run, answered, mirrored and recorded', async () => {
  const servers = await freshServers(['export'])
  const app = liveApp(servers)
  const add = app.task('export.add', async (x: number, y: number) => x + y)

  const result = await add.delay(2, 3)
  expect((await app.broker().depth('export')).messages).toBe(1)

  await startWorker(app)
  expect(await result.get({ timeoutMs: 5_000 })).toBe(5)
  // On SQS what workers tell goes there, too.
  const mirrored = (await app.broker().depth('platform.fifo')).messages
  expect(isOnSqs ? Math.min(mirrored, 1) : mirrored).toBe(1)

  const database = await startMonitor(servers)
  const [row] = await finishedHistory(database, [result.id])
  expect(row).toMatchObject({ name: 'export.add', status: 'SUCCESS', result: 5 })
  const messages = await database.query(
    'select convert_from(body, $1) as body, headers, queue from monitor.message where task_id = $2',
    ['utf8', result.id],
  )
  expect(messages).toMatchObject([
    {
      body: '[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
      headers: { task: 'export.add', id: result.id },
      queue: 'export',
    },
  ])
})

test('a chain, a chord, a failure and a retry are recorded as the family they are', async () => {
  const servers = await freshServers(['export'])
  const database = await startMonitor(servers)
  const app = liveApp(servers)
  const load = app.task('export.load', (slug: string) => slug.length)
  const double = app.task('export.double', (x: number) => 2 * x)
  const sum = app.task('export.sum', (parts: number[]) => parts.reduce((x, y) => x + y))
  const broken = app.task('export.broken', () => {
    throw new RangeError('nothing there')
  })
  const flaky = app.task('export.flaky', { bind: true }, (self) => {
    if (self.request.retries < 2) throw self.retry({ countdown: 0 })
    return self.request.retries
  })
  await startWorker(app)

  const ends = [
    await chain(load.s('fields'), double.s(), double.s()).applyAsync(),
    await chord([load.s('a'), load.s('bcd')], sum.s()).applyAsync(),
    await broken.delay(),
    await flaky.delay(),
  ]

  const ids = ends.map(({ id }) => id)
  expect(await finishedHistory(database, ids)).toMatchObject([
    { name: 'export.double', status: 'SUCCESS', result: 24 },
    { name: 'export.sum', status: 'SUCCESS', result: 4 },
    { name: 'export.broken', status: 'FAILURE', exception: 'RangeError: nothing there' },
    { name: 'export.flaky', status: 'SUCCESS', result: 2 },
  ])
  const family = await database.query<{ name: string; parent: string | null }>(
    `select step.name, parent.name as parent
     from monitor.task_history step left join monitor.task parent on parent.task_id = step.parent_id
     where step.root_id = (select root_id from monitor.task where task_id = $1) order by 1, 2`,
    [ids[0]],
  )
  expect(family).toEqual([
    { name: 'export.double', parent: 'export.double' },
    { name: 'export.double', parent: 'export.load' },
    { name: 'export.load', parent: null },
  ])
})
