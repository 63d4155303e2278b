import { expect, onTestFinished, test } from 'vitest'
import type { Connection } from '../../src/database/database.ts'
import { BoundedLabels } from '../../src/telemetry/metrics/bounded-labels.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { MonitorMetrics } from '../../src/telemetry/metrics/monitor-metrics.ts'
import { QueueMetrics } from '../../src/telemetry/metrics/queue-metrics.ts'
import { TaskMetrics } from '../../src/telemetry/metrics/task-metrics.ts'
import { WorkerMetrics } from '../../src/telemetry/metrics/worker-metrics.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

test('a worker counts its runs by how they ended', async () => {
  const app = embeddedApp()
  const add = app.task('export.add', (x: number, y: number) => x + y)
  const fail = app.task('export.fail', () => {
    throw new Error('no')
  })
  const metrics = await Metrics.open()
  const seen = new WorkerMetrics(metrics.kit, () => ({ running: 3, concurrency: 7 }))
  metrics.add(seen)
  await startWorker(app, { onRun: (run) => seen.onRun(run) })
  await (await add.delay(1, 2)).get({ timeoutMs: 5_000 })
  await (await fail.delay()).get({ timeoutMs: 5_000 }).catch(() => undefined)
  const lines = await waitFor('both runs', async () => {
    const found = await linesOf(metrics)
    return found.some((line) => line.includes('outcome="failure"')) && found
  })
  expect(lines).toEqual(
    expect.arrayContaining([
      'celery_toolbox_worker_runs_total{task="export.add",outcome="success"} 1',
      'celery_toolbox_worker_runs_total{task="export.fail",outcome="failure"} 1',
      'celery_toolbox_worker_run_seconds_count{task="export.add"} 1',
      'celery_toolbox_worker_running 3',
      'celery_toolbox_worker_concurrency 7',
    ]),
  )
})

test('a monitor shows its batches, its lag, and a database that is away', async () => {
  const metrics = await Metrics.open()
  const stats = { waiting: 5, lagMs: 1_500, isDatabaseAway: true }
  const seen = new MonitorMetrics(metrics.kit, () => stats)
  metrics.add(seen)
  seen.onBatch({ messages: 10, quarantined: 2, refused: 1, durationMs: 30 })
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'celery_toolbox_monitor_messages_total{outcome="recorded"} 8',
      'celery_toolbox_monitor_messages_total{outcome="quarantined"} 2',
      'celery_toolbox_monitor_messages_total{outcome="refused"} 1',
      'celery_toolbox_monitor_batch_seconds_bucket{le="0.025"} 0',
      'celery_toolbox_monitor_batch_seconds_bucket{le="0.05"} 1',
      'celery_toolbox_monitor_lag_seconds 1.5',
      'celery_toolbox_monitor_waiting_messages 5',
      'celery_toolbox_monitor_database_up 0',
    ]),
  )
})

test('the broker is asked for its queues; one that is not there is empty', async () => {
  const app = embeddedApp()
  await app.setUp()
  await app.sendTask('export.add')
  const metrics = await Metrics.open()
  metrics.add(
    new QueueMetrics(metrics.kit, { broker: app.broker(), queues: ['export', 'not-there'] }),
  )
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'celery_toolbox_queue_messages{queue="export"} 1',
      'celery_toolbox_queue_messages{queue="not-there"} 0',
      'celery_toolbox_queue_consumers{queue="export"} 0',
    ]),
  )
})

test('a source that fails hides none of the others, and is counted', async () => {
  const metrics = await Metrics.open()
  metrics.add({ name: 'broken', collect: () => Promise.reject(new Error('away')) })
  metrics.add(new WorkerMetrics(metrics.kit, () => ({ running: 1, concurrency: 1 })))
  const lines = await linesOf(metrics)
  expect(lines).toContain('celery_toolbox_collect_failures_total{source="broken"} 1')
  expect(lines).toContain('celery_toolbox_worker_running 1')
})

test('those who look shortly after one another cause one look', async () => {
  const metrics = await Metrics.open()
  let looks = 0
  metrics.add({
    name: 'counted',
    collect: () => {
      looks += 1
      return Promise.resolve()
    },
  })
  await Promise.all([metrics.read(), metrics.read(), metrics.read()])
  await metrics.read()
  expect(looks).toBe(1)
})

test('tasks are followed until they are over, and each is counted once', async () => {
  const over = new Map<string, object>()
  const asked: string[][] = []
  const { metrics, tasks } = await following((ids) => {
    asked.push(ids)
    return ids.flatMap((id) => over.get(id) ?? [])
  })
  tasks.follow(['a', 'b', 'c'])
  over.set('b', { id: 'b', name: 'export.add', state: 'SUCCESS', wait: 0.2, run: 0.03 })
  expect(await linesOf(metrics)).toContain('celery_toolbox_tasks_followed 2')
  await tasks.collect()
  expect(asked).toEqual([
    ['a', 'b', 'c'],
    ['a', 'c'],
  ])
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'celery_toolbox_tasks_finished_total{task="export.add",state="SUCCESS"} 1',
      'celery_toolbox_task_wait_seconds_bucket{le="0.1",task="export.add"} 0',
      'celery_toolbox_task_wait_seconds_bucket{le="0.5",task="export.add"} 1',
      'celery_toolbox_task_run_seconds_count{task="export.add"} 1',
    ]),
  )
})

test('of too many tasks the oldest are let go, and how many is reported', async () => {
  const asked: string[][] = []
  const { metrics, tasks } = await following((ids) => {
    asked.push(ids)
    return []
  }, 3)
  tasks.follow(['a', 'b', 'c'])
  tasks.follow(['a', 'd', 'e'])
  expect(await linesOf(metrics)).toContain('celery_toolbox_tasks_unfollowed_total 2')
  expect(asked).toEqual([['a', 'd', 'e']])
})

test('a label takes no more values than its limit', () => {
  const labels = new BoundedLabels(2)
  expect(['a', 'b', 'c', 'a', null, ''].map((value) => labels.of(value))).toEqual([
    'a',
    'b',
    'other',
    'a',
    'unknown',
    'unknown',
  ])
})

async function following(
  answer: (ids: string[]) => readonly object[],
  mostFollowed?: number,
): Promise<{ metrics: Metrics; tasks: TaskMetrics }> {
  const metrics = await Metrics.open()
  const database = {
    query: (_sql: string, [ids]: readonly [string[]]) => Promise.resolve(answer(ids)),
  } as unknown as Connection // it is asked one thing
  const tasks = new TaskMetrics(metrics.kit, {
    database,
    ...(mostFollowed !== undefined && { mostFollowed }),
  })
  metrics.add(tasks)
  onTestFinished(() => tasks.stop())
  return { metrics, tasks }
}

async function linesOf(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.read()).text.split('\n')
}
