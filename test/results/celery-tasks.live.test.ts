import { expect, onTestFinished, test } from 'vitest'
import { DateTime, Decimal, LocalDate, LocalTime, Uuid } from '../../src/codecs/values.ts'
import type { Database } from '../../src/database/database.ts'
import { openResultStore } from '../../src/results/open-result-store.ts'
import type { ResultStore } from '../../src/results/result-store.ts'
import { failure, success } from '../contracts/result-store-contract.ts'
import { freshServers, liveApp, migratedDatabase, type Servers } from '../support/live-app.ts'
import { runPython, runPythonJson, startPythonWorker } from '../support/python-celery.ts'

type Python = 'new' | 'old'

/** What python.typed returns, as the store reads it and as the view shows it. */
const TYPED = {
  big: 2n ** 70n,
  bytes: Buffer.from([0, 255]),
  date: new LocalDate('2024-02-29'),
  datetime: new DateTime('2024-02-29T12:30:15.123456+00:00'),
  decimal: new Decimal('1.10'),
  time: new LocalTime('12:30:15'),
  uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
}
const SHOWN = {
  big: 2 ** 70,
  bytes: { __bytes__: 'AP8=' },
  date: '2024-02-29',
  datetime: '2024-02-29T12:30:15.123456+00:00',
  decimal: '1.10',
  time: '12:30:15',
  uuid: '12345678-1234-5678-1234-567812345678',
}
const NESTED = { args: [1, ['two', { three: null }]], kwargs: {} }

const SCENARIOS: readonly (readonly [python: Python, tablesBy: Python | 'us'])[] = [
  ['new', 'us'],
  ['new', 'new'],
  ['new', 'old'],
  ['old', 'us'],
  ['old', 'old'],
]

test.each(SCENARIOS)(
  'results of tasks that the %s Celery runs read the same in the store and in SQL, in tables made by %s',
  async (python, tablesBy) => {
    const servers = await freshServers(['python'])
    if (tablesBy !== 'us') await makeTablesWithResult(servers, tablesBy)
    const database = await migratedDatabase(servers.databaseUrl)
    const store = await open(servers)
    const ids = await runTasks(servers, python)
    if (tablesBy !== 'us') ids.before = 'before'

    const read = await Promise.all(
      Object.values(ids).map((id) => store.waitFor(id, { timeoutMs: 30_000 })),
    )
    const byName = Object.fromEntries(Object.keys(ids).map((name, i) => [name, read[i]]))
    expect(byName).toMatchObject({
      typed: { status: 'SUCCESS', result: TYPED },
      nothing: { status: 'SUCCESS', result: null },
      nested: { status: 'SUCCESS', result: NESTED },
      failure: {
        status: 'FAILURE',
        result: { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 2.5] },
        traceback: expect.stringContaining('ValueError'),
      },
      parent: { status: 'SUCCESS', result: expect.any(String) },
      ...(tablesBy !== 'us' && { before: { status: 'SUCCESS', result: TYPED } }),
    })
    // Celery before 5.7 stores no children.
    if (python === 'new') {
      expect(byName.parent?.children).toEqual([[[byName.parent?.result, null], null]])
    }

    expect(await history(database, ids)).toMatchObject({
      typed: { status: 'SUCCESS', result: SHOWN, exception: null },
      nothing: { status: 'SUCCESS', result: null },
      nested: { status: 'SUCCESS', result: NESTED },
      failure: {
        status: 'FAILURE',
        exception: 'ValueError: no good, 2.5',
        result: { exc_type: 'ValueError', exc_message: ['no good', 2.5], exc_module: 'builtins' },
      },
      parent: { result: byName.parent?.result },
      ...(tablesBy !== 'us' && { before: { status: 'SUCCESS', result: SHOWN } }),
    })
  },
)

test.each(SCENARIOS)(
  'the %s Celery gets our results, from tables made by %s',
  async (python, tablesBy) => {
    const servers = await freshServers(['python'])
    if (tablesBy !== 'us') await makeTablesWithResult(servers, tablesBy)
    await migratedDatabase(servers.databaseUrl)
    const store = await open(servers)
    const exception = { excType: 'ValueError', excModule: 'builtins', excMessage: ['no good', 3] }
    const saved = [success(TYPED), success(null), success(NESTED), failure(exception, 'traceback')]
    await Promise.all(
      saved.map((result) => store.save({ ...result, children: [[['child', null], null]] })),
    )
    const seen = await runPythonJson(
      `
import json, sys, toolbox_app
def outcome(id):
    result = toolbox_app.app.AsyncResult(id)
    try:
        return repr(result.get(timeout=5))
    except ValueError as error:
        return [result.state, repr(error), result.traceback]
print(json.dumps([outcome(id) for id in sys.argv[1:]]))`,
      { python, env: servers.env, args: saved.map(({ taskId }) => taskId) },
    )
    expect(seen).toEqual([
      `{'big': ${2n ** 70n}, 'bytes': b'\\x00\\xff', 'date': datetime.date(2024, 2, 29), ` +
        `'datetime': datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc), ` +
        `'decimal': Decimal('1.10'), 'time': datetime.time(12, 30, 15), ` +
        `'uuid': UUID('12345678-1234-5678-1234-567812345678')}`,
      'None',
      "{'args': [1, ['two', {'three': None}]], 'kwargs': {}}",
      ['FAILURE', "ValueError('no good', 3)", 'traceback'],
    ])
  },
)

/** Python comes first: it makes its tables, in the shape of its version, and stores a result under the id "before". */
async function makeTablesWithResult(servers: Servers, python: Python): Promise<void> {
  const code = `
import toolbox_app
toolbox_app.app.backend.store_result('before', toolbox_app.typed(), 'SUCCESS')`
  await runPython(code, { python, env: servers.env })
}

async function runTasks(servers: Servers, python: Python): Promise<Record<string, string>> {
  await startPythonWorker({ python, env: servers.env, queues: ['python'] })
  const app = liveApp(servers)
  const send = async (name: string, args: readonly unknown[]) =>
    (await app.sendTask(`python.${name}`, [...args])).id
  return {
    typed: await send('typed', []),
    nothing: await send('noop', []),
    nested: await send('echo', NESTED.args),
    failure: await send('fail', ['no good', 2.5]),
    parent: await send('call_node', ['python.noop', []]),
  }
}

async function open({ env }: Servers): Promise<ResultStore> {
  const store = await openResultStore({ result_backend: env.CELERY_RESULT_BACKEND ?? '' })
  onTestFinished(() => store.close())
  return store
}

/** The rows of monitor.task_history, by the names of their tasks here. */
async function history(
  database: Database,
  ids: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, object>>> {
  await database.query(
    'insert into monitor.task (task_id) select unnest($1::text[]) on conflict do nothing',
    [Object.values(ids)],
  )
  const rows = await database.query<{ task_id: string }>(
    'select task_id, status, result, exception from monitor.task_history',
  )
  const rowOf = (id: string) => rows.find((row) => row.task_id === id) ?? {}
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, rowOf(id)]))
}
