import { sleep } from '../../async/sleep.ts'
import type { Database } from '../../database/database.ts'
import { DEMO_TASKS, type Demo, type DemoCall } from '../app/demo-app.ts'
import { printError } from '../output/output.ts'

const PATIENCE_MS = 60_000
const LOOK_EVERY_MS = 50

interface Following {
  readonly database: Database
  readonly startedAt: Date
  readonly signal: AbortSignal
}

/** Publishes the demonstration and waits until it has ended and is recorded; says whether all is as it should be. */
export async function followDemo(demo: Demo, following: Following): Promise<boolean> {
  printError('publishing a chain, a group, a chord, a task that fails and one that is retried…')
  const calls = await demo.publish()
  const results = await demo.app.results()
  const outcomes = await Promise.all(
    calls.map(async (call) => {
      const wait = { timeoutMs: PATIENCE_MS, signal: following.signal }
      return { call, status: (await results.waitFor(call.result.id, wait)).status }
    }),
  )
  const wrong = outcomes.filter(({ call, status }) => status !== call.expected)
  for (const { call, status } of wrong) printError(unexpected(call, status))
  return (await isRecorded(following)) && wrong.length === 0
}

function unexpected({ title, result, expected }: DemoCall, status: string): string {
  return `error: ${title} (${result.id}) ended as ${status}, expected ${expected}`
}

/** Every task of the demonstration has its row, and each row its end, as the worker reported it. */
async function isRecorded({ database, startedAt, signal }: Following): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const missing = await missingTasks(database, startedAt)
    if (missing.length === 0) return true
    if (performance.now() > deadline) {
      printError(`error: the monitor has not recorded ${missing.join(', ')}`)
      return false
    }
    await sleep(LOOK_EVERY_MS, signal)
  }
}

async function missingTasks(database: Database, startedAt: Date): Promise<readonly string[]> {
  const rows = await database.query<{ name: string; recorded: number }>(
    `select name, count(*)::integer as recorded
       from monitor.task
      where published_at >= $1 and event_state in ('SUCCESS', 'FAILURE')
      group by name`,
    [startedAt],
  )
  const recorded = new Map(rows.map((row) => [row.name, row.recorded]))
  return Object.entries(DEMO_TASKS)
    .filter(([name, count]) => (recorded.get(name) ?? 0) < count)
    .map(([name]) => name)
}
