import { createApp } from 'celery-toolbox'
import { Config } from 'celery-toolbox/config'
import { familyTree } from 'celery-toolbox/monitor'
import { Block, memory, operator } from 'celery-toolbox/streams'
import { expect, onTestFinished, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { openPlace, startMonitor } from '../../monitor/monitored.ts'
import { waitFor } from '../../support/wait-for.ts'

test('runs of blocks are a family in the record: how each goes, its numbers, and what failed', async () => {
  const place = await openPlace()
  await startMonitor(place)
  const app = createApp(
    new Config({ broker_url: place.vhost.url, queues: ['export'], dotenv: false, environment: {} }),
  )
  onTestFinished(() => app.close())
  const first = new Block('frames', operator(Number), {
    listeners: [[1, 2, 3]],
    publishers: [memory.publish('recorded-runs')],
    events: app.events,
  })
  await first.run()
  const failing = operator(() => {
    throw new RangeError('no light')
  })
  const second = new Block('peaks', failing, {
    listeners: [[1]],
    onError: 'stop',
    events: app.events,
    rootId: first.runId,
    parentId: first.runId,
    logger: silentLogger,
  })
  await expect(second.run()).rejects.toThrow('no light')
  const tree = await waitFor('both ends', async () => {
    const found = await familyTree(place.database, first.runId ?? '')
    const isOver = found?.roots[0]?.children[0]?.task.status === 'FAILURE'
    return isOver && found.roots[0]?.task.status === 'SUCCESS' ? found : undefined
  })
  expect(tree.roots.map(({ task }) => task.name)).toEqual(['frames'])
  const rows = await place.database.query(
    'select name, kind, state, result, exception, started_at is not null as began, worker from monitor.task order by name',
  )
  expect(rows).toEqual([
    {
      name: 'frames',
      kind: 'stream-block',
      state: 'SUCCESS',
      result: expect.objectContaining({ received: 3, published: 3, failed: 0 }),
      exception: null,
      began: true,
      worker: null,
    },
    {
      name: 'peaks',
      kind: 'stream-block',
      state: 'FAILURE',
      result: null,
      exception: expect.stringContaining('no light'),
      began: true,
      worker: null,
    },
  ])
})
