import { migrateUp, openDatabase, pruneHistory } from 'celery-toolbox/monitor'
import { type BenchPlace, openPlace, query } from './environment.ts'
import type { Scenario } from './measure.ts'
import { feed } from './mirror-feed.ts'
import { type MonitorProcess, startMonitors, sum } from './monitors.ts'

const ALONE = 'ingest alone'
const PRUNING = 'ingest beside prune'
const MOST_QUEUED = 5_000

/** What deleting half of the tasks costs a monitor that goes on writing. */
export async function pruneScenario(count: number): Promise<Scenario> {
  const place = await openPlace()
  await migrateUp(place.databaseUrl)
  const pruned: string[] = []
  return {
    name: `prune half of ${count} tasks`,
    baseline: ALONE,
    goals: [{ ours: PRUNING, than: ALONE, atLeast: 0.8 }],
    contenders: [
      { name: ALONE, run: async () => during(place, count, async () => nap(ALONE_MS)) },
      {
        name: PRUNING,
        run: async () =>
          during(place, count, async () => {
            pruned.push(await prune(place, count))
          }),
      },
    ],
    notes: () => pruned.slice(1),
    close: place.close,
  }
}

/** As long as pruning takes, as the tables grow meanwhile. */
const ALONE_MS = 60_000

/** How fast a monitor writes, while the work is done, what is published as fast as it writes. */
async function during(
  place: BenchPlace,
  count: number,
  work: () => Promise<void>,
): Promise<number> {
  await fill(place, count)
  const monitors = await startMonitors(place, 1)
  const stopping = new AbortController()
  const feeding = feedWhile(place, monitors, stopping.signal)
  while (sum(monitors) < 5_000) await nap(5)
  const [before, startedAt] = [sum(monitors), performance.now()]
  await work()
  const rate = (1_000 * (sum(monitors) - before)) / (performance.now() - startedAt)
  stopping.abort()
  await feeding
  await Promise.all(monitors.map(async (monitor) => monitor.stop()))
  return rate
}

async function feedWhile(
  place: BenchPlace,
  monitors: readonly MonitorProcess[],
  signal: AbortSignal,
): Promise<void> {
  await feed(place, Number.POSITIVE_INFINITY, async (sent) => {
    while (sent - sum(monitors) > MOST_QUEUED && !signal.aborted) await nap(2)
    return !signal.aborted
  })
}

async function prune(place: BenchPlace, count: number): Promise<string> {
  await using database = await openDatabase({ url: place.databaseUrl })
  const report = await pruneHistory(database, { tasksMs: 30 * 86_400_000 })
  if (report.tasks !== count / 2) throw new Error(`${report.tasks} of ${count / 2} were pruned`)
  return `${report.tasks} tasks pruned in ${(report.durationMs / 1_000).toFixed(1)} s`
}

/** Half of it of last year, half of today. */
async function fill(place: BenchPlace, count: number): Promise<void> {
  await query(place.databaseUrl, 'truncate monitor.task, monitor.message')
  await query(
    place.databaseUrl,
    `insert into monitor.task (task_id, name, state, args, kwargs, queue, routing_key, root_id, published_at, finished_at)
     select id, 'export.add', 'SUCCESS', jsonb_build_array(i, 'some text'), jsonb_build_object('slug', 'project-' || i),
       'export', 'export', id, at, at
     from (
       select i, gen_random_uuid()::text as id,
         now() - (case when i % 2 = 0 then interval '100 days' else interval '1 day' end) - i * interval '1 second' as at
       from generate_series(1, ${count}) i
     ) as made`,
  )
  await query(place.databaseUrl, 'vacuum analyze monitor.task')
}

function nap(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
