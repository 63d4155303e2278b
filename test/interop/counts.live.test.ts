import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { waitFor } from '../support/wait-for.ts'
import { askPython, startInteropWorker } from './ask-python.ts'

/** Of each language's thousand, every fourth fails and every tenth is run by Python, which is slower at it. */
const EACH = 1_000
const FAILURES = 2 * (EACH / 4)

test('of 1,000 tasks from Node and 1,000 from Python, run by both, the history counts each exactly once', async () => {
  const servers = await freshServers()
  const database = await startMonitor(servers)
  const app = liveApp(servers)
  app.task('export.outcome', (succeeds: boolean) => {
    if (!succeeds) throw new RangeError('asked to')
    return succeeds
  })
  await startWorker(app, { queues: ['export', 'celery'] })
  await startInteropWorker('new', servers, ['python'])

  const numbers = Array.from({ length: EACH }, (_, n) => n)
  const taskOf = (n: number): string => (n % 10 === 0 ? 'python.outcome' : 'export.outcome')
  const [, sent] = await Promise.all([
    Promise.all(numbers.map(async (n) => app.sendTask(taskOf(n), [n % 4 !== 0]))),
    askPython<number>('new', servers.env, {
      code: `
task_of = lambda n: 'python.outcome' if n % 10 == 0 else 'export.outcome'
sent = [send(task_of(n), [n % 4 != 0]) for n in range(${EACH})]`,
      answer: 'len(sent)',
    }),
  ])
  expect(sent).toBe(EACH)

  const counts = 'select status, count(*)::int from monitor.task_history group by 1 order by 1'
  const unfinished = `select 1 from monitor.task_history where status not in ('SUCCESS', 'FAILURE') limit 1`
  await waitFor(
    'the end of every task',
    async () => {
      const [seen] = await database.query<{ count: number }>(
        'select count(*)::int from monitor.task',
      )
      return seen?.count === 2 * EACH && (await database.query(unfinished)).length === 0
    },
    { deadlineMs: 50_000, everyMs: 200 },
  )
  expect(await database.query(counts)).toEqual([
    { status: 'FAILURE', count: FAILURES },
    { status: 'SUCCESS', count: 2 * EACH - FAILURES },
  ])
  expect(
    await database.query(`
      select lang, count(*)::int, (select count(*)::int from monitor.quarantine) as quarantined,
        (select count(*)::int from monitor.message) as messages
      from monitor.task group by lang order by lang`),
  ).toEqual([
    { lang: 'js', count: EACH, quarantined: 0, messages: 2 * EACH },
    { lang: 'py', count: EACH, quarantined: 0, messages: 2 * EACH },
  ])
})
