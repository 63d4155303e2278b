import { expect, test } from 'vitest'
import type { Database } from '../../../src/database/database.ts'
import { type Accounts, disagreements, type Ledger } from '../../support/ledger.ts'
import { startPythonPod } from '../../support/pods.ts'
import { waitFor } from '../../support/wait-for.ts'
import { looksAfter, openWatchedField } from '../../support/watched-field.ts'

const OFTEN = { reconcile: { everyMs: 500, graceMs: 2000 } }

test('Celery 5.2 reports nothing of a cold stop: what it cut off is lost if it was acknowledged, and else runs again', async () => {
  const { servers, app, database, ledger } = await openWatchedField(OFTEN)
  const pod = await startPythonPod(servers, ledger, {
    name: 'old@cold',
    python: 'old',
    args: ['-E'],
  })
  await isKnown(database, 'old@cold')
  const sent = ['python.pay', 'python.pay_late'].map((name) => app.sendTask(name, [15]))
  const ids = (await Promise.all(sent)).map(({ id }) => id)
  await waitFor('both to run', () => ids.every((id) => ledger.runs(id).length === 1))
  pod.kill('SIGQUIT')
  await pod.exited
  await startPythonPod(servers, ledger, { name: 'next@cold', python: 'old', args: ['-E'] })
  await agreement(database, ledger, { killed: new Set(['old@cold']), sent: ids })
  const [paid] = await database.query<Record<string, unknown>>(
    `select status, reason, lost ->> 'kind' as kind from monitor.task_history where task_id = $1`,
    [ids[0]],
  )
  expect(paid).toMatchObject({
    status: 'LOST',
    kind: 'worker-gone',
    reason: expect.stringMatching(/^worker old@cold announced its stop at .*, and its connection/),
  })
  expect(ledger.runs(ids[1] ?? '').length).toBe(2)
}, 120_000)

test.each([
  // It stores that it started, and no more.
  [
    'old',
    {
      status: 'STARTED',
      reason: /^started; its worker sent no event of it, so nothing shows whether it still runs$/,
    },
  ],
  // It stores that the task failed.
  ['new', { status: 'FAILURE', reason: /^Reject: no such plot/ }],
] as const)(
  'without events, what Reject leaves is as %s Celery stores it, and what it gives back runs again',
  async (python, { status, reason }) => {
    const { servers, app, database, ledger } = await openWatchedField(OFTEN)
    await startPythonPod(servers, ledger, { name: 'silent@rejects', python })
    const sent = ['python.reject', 'python.requeue'].map((name) => app.sendTask(name))
    const ids = (await Promise.all(sent)).map(({ id }) => id)
    await waitFor('both to end', () => ids.every((id) => ledger.hasEnded(id)))
    const wanted = [
      { name: 'python.reject', status, reason: expect.stringMatching(reason), replays: false },
      { name: 'python.requeue', status: 'SUCCESS', reason: null, replays: false },
    ]
    await waitFor('the record', async () => expect(await shown(database)).toEqual(wanted) ?? true)
    // Looks go on, and find no loss.
    const looksMs = Date.now()
    await waitFor('more looks', () => looksAfter(database, looksMs + 6000))
    expect(await shown(database)).toEqual(wanted)
    expect(ids.map((id) => ledger.runs(id).length)).toEqual([1, 2])
    const again = new Set(['python.requeue'])
    const accounts = { sent: ids, silent: SILENT, again, ends: { 'python.reject': status } }
    expect(await disagreements(database, ledger, accounts)).toEqual([])
  },
)

test('Celery 5.2 lets two workers have one name, and neither is taken for the other: what both run is running', async () => {
  const { servers, app, database, ledger } = await openWatchedField(OFTEN)
  const twin = { name: 'twin@old', python: 'old', args: ['-E'] } as const
  await Promise.all([1, 2].map(() => startPythonPod(servers, ledger, twin)))
  const sent = [1, 2, 3, 4].map(() => app.sendTask('python.pay', [18]))
  const ids = (await Promise.all(sent)).map(({ id }) => id)
  await waitFor('all to run', () => ids.every((id) => ledger.runs(id).length === 1))
  // Python workers are asked for what they have run for ten seconds.
  const askedMs = Date.now() + 14_000
  const looks = () => looksAfter(database, askedMs)
  await waitFor('looks', looks, { deadlineMs: 30_000, everyMs: 300 })
  expect(await database.query('select status, reason from monitor.task_history')).toEqual(
    ids.map(() => ({ status: 'STARTED', reason: expect.stringMatching(/^running on worker/) })),
  )
  await agreement(database, ledger, { sent: ids })
}, 120_000)

const SILENT = new Set(['silent@rejects'])

async function shown(database: Database): Promise<readonly unknown[]> {
  return await database.query(
    'select name, status, reason, replay_of is not null or lost is not null as replays from monitor.task_history order by name',
  )
}

async function isKnown(database: Database, worker: string): Promise<void> {
  await waitFor(`${worker} to be known`, async () => {
    const known = await database.query(
      'select from monitor.worker_process where hostname = $1 and queues is not null and connection is not null',
      [worker],
    )
    return known.length === 1
  })
}

async function agreement(database: Database, ledger: Ledger, accounts: Accounts): Promise<void> {
  await waitFor(
    'the record to agree with the ledger',
    async () => {
      expect(await disagreements(database, ledger, accounts)).toEqual([])
      return true
    },
    { deadlineMs: 90_000, everyMs: 300 },
  )
}
