import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { disagreements } from '../../support/ledger.ts'
import { startNodePod, startPythonPod } from '../../support/pods.ts'
import { waitFor } from '../../support/wait-for.ts'
import { looksAfter, openWatchedField } from '../../support/watched-field.ts'

const OFTEN = { reconcile: { everyMs: 500, graceMs: 2000 } }

test.each([
  ['that send events', ['-E']],
  ['that send none', []],
])(
  'a state that a task sets itself shows within two seconds, and stays until the end, of workers %s',
  async (_, args) => {
    const { servers, app, database, ledger } = await openWatchedField(OFTEN)
    const gate = `${ledger.file}.gate`
    await Promise.all([
      startPythonPod(servers, ledger, { name: 'python@states', args }),
      startNodePod(servers, ledger, { name: 'node@states', args }),
    ])
    const sent = ['python.progress', 'export.progress'].map((name) => app.sendTask(name, [gate]))
    const ids = (await Promise.all(sent)).map(({ id }) => id)
    await waitFor('both to run', () => ids.every((id) => ledger.runs(id).length > 0))
    const progress = { status: 'PROGRESS', state: 'PROGRESS', result: { done: 3 } }
    const shown = await waitFor('the states', () => became(database, ids, progress))
    const sinceMs = Date.now() - Math.max(...ledger.lines().map(({ at }) => at))
    expect(shown).toBe(true)
    expect(sinceMs).toBeLessThan(2000 + SLACK_MS)
    await waitFor('heartbeats after that', () => heartbeatAfter(database))
    expect(await became(database, ids, progress)).toBe(true)
    writeFileSync(gate, '')
    onTestFinished(() => (existsSync(gate) ? rmSync(gate) : undefined))
    const end = { status: 'SUCCESS', state: 'SUCCESS', result: 7 }
    await waitFor('the ends', () => became(database, ids, end))
    const silent = new Set(args.length > 0 ? [] : ['python@states', 'node@states'])
    expect(await disagreements(database, ledger, { sent: ids, silent })).toEqual([])
  },
  60_000,
)

test('a fleet that stops to send events, and sends them again, loses none of its tasks, and runs none twice', async () => {
  const { servers, app, database, ledger } = await openWatchedField(OFTEN)
  const pay = async (name: string, seconds: number) =>
    (await app.sendTask(name, [seconds], {}, { ignoreResult: name === 'python.forget' })).id
  const start = (name: string, args: readonly string[] = []) =>
    startPythonPod(servers, ledger, { name, args })
  const telling = await start('telling@fleet', ['-E'])
  const sent = [await pay('python.pay', 1)]
  await waitFor('it to be known', () => isKnown(database, 'telling@fleet'))
  await telling.stop('SIGTERM')
  const quiet = await start('silent@fleet')
  sent.push(...(await Promise.all([1, 1, 1, 6, 6, 6].map((s) => pay('python.pay', s)))))
  sent.push(...(await Promise.all([1, 2, 3].map(() => pay('python.forget', 1)))))
  await waitFor('all to end', () => sent.every((id) => ledger.hasEnded(id)), PATIENCE)
  await quiet.stop('SIGTERM')
  await start('again@fleet', ['-E'])
  sent.push(await pay('python.pay', 1))
  const accounts = { sent, silent: new Set(['silent@fleet']), unstored: new Set(['python.forget']) }
  await waitFor(
    'the record to agree',
    async () => {
      expect(await disagreements(database, ledger, accounts)).toEqual([])
      return true
    },
    PATIENCE,
  )
  // Looks go on: what is in doubt stays so.
  const agreedMs = Date.now()
  await waitFor('more looks', () => looksAfter(database, agreedMs + 3000), PATIENCE)
  expect(await disagreements(database, ledger, accounts)).toEqual([])
}, 120_000)

/** For the process that reads the file, the one that records, and this one. */
const SLACK_MS = 500
const PATIENCE = { deadlineMs: 60_000, everyMs: 300 }

async function became(
  database: Database,
  ids: readonly string[],
  expected: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const rows = await database.query(
    'select status, state, result from monitor.task_history where task_id = any ($1)',
    [ids],
  )
  return JSON.stringify(rows) === JSON.stringify(ids.map(() => expected))
}

async function heartbeatAfter(database: Database): Promise<boolean> {
  const rows = await database.query(
    `select from monitor.worker where last_heartbeat_at > (select max(updated_at) from monitor.task) + interval '2 seconds'`,
  )
  return rows.length === 2
}

async function isKnown(database: Database, hostname: string): Promise<boolean> {
  const rows = await database.query(
    'select from monitor.worker_process where hostname = $1 and queues is not null',
    [hostname],
  )
  return rows.length === 1
}
