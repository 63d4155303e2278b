import { expect, test } from 'vitest'
import { startWorker } from '../support/embedded-app.ts'
import { finishedHistory, freshServers, liveApp, startMonitor } from '../support/live-app.ts'
import { askPython, PYTHONS } from './ask-python.ts'

test.each(PYTHONS)(
  'integers of any size in the headers of a Python call (%s Celery) are read exactly by worker and monitor, and cost no connection',
  async (python) => {
    const servers = await freshServers()
    const database = await startMonitor(servers)
    const app = liveApp(servers)
    app.task('export.headers', { bind: true }, ({ request: { headers } }) =>
      ['small', 'beyond32', 'negative', 'beyond53', 'largest', 'list', 'table'].map(
        (name) => headers[name],
      ),
    )
    const losses: unknown[] = []
    app.broker().on('lost', (cause) => losses.push(cause))
    await startWorker(app)
    const [id, isExact] = await askPython<[string, boolean]>(python, servers.env, {
      code: `
headers = {'small': 200, 'beyond32': 2**31, 'negative': -2**40, 'beyond53': 2**53 + 1, 'largest': 2**63 - 1,
    'list': [2**40, None], 'table': {'inner': 2**62}}
result = send('export.headers', headers=headers)
value = get(result)`,
      answer: '[result.id, value == list(headers.values())]',
    })
    expect(isExact).toBe(true)
    expect(losses).toEqual([])
    await finishedHistory(database, [id])
    const [row] = await database.query(
      `select headers ->> 'beyond53' as beyond53, headers ->> 'largest' as largest, headers -> 'table' ->> 'inner' as inner
       from monitor.message where task_id = $1`,
      [id],
    )
    expect(row).toEqual({
      beyond53: `${2n ** 53n + 1n}`,
      largest: `${2n ** 63n - 1n}`,
      inner: `${2n ** 62n}`,
    })
  },
)
