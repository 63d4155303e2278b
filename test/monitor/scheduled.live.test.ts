import { expect, test } from 'vitest'
import { Vault } from '../../src/schedule/vault.ts'
import { waitFor } from '../support/wait-for.ts'
import { EXPORT, message } from './messages.ts'
import { openPlace, startMonitor } from './monitored.ts'

test('what waits in the vault is SCHEDULED in the history, and once due it is the same row and the same message', async () => {
  const place = await openPlace()
  const vault = new Vault(place.database)
  const monitor = await startMonitor(place)
  const dueAt = new Date(Date.now() + 4000)
  const eta = dueAt.toISOString()
  const given = message({ id: 'later', args: [1, 2], eta })
  await vault.hold({ taskId: 'later', name: 'export.add', dueAt, message: given, route: EXPORT })
  const history = () =>
    place.database.query(
      'select task_id, name, status, args, queue, eta, published_at < eta as early from monitor.task_history',
    )
  await waitFor('its row', async () => (await history()).length === 1)
  const row = {
    task_id: 'later',
    name: 'export.add',
    args: [1, 2],
    queue: 'export',
    eta: dueAt,
    early: true,
  }
  expect(await history()).toEqual([{ ...row, status: 'SCHEDULED' }])
  await waitFor('its message', async () => (await place.broker.depth('export')).messages === 1)
  await waitFor('its copy', () => monitor.stats().messages === 1)
  expect(await history()).toEqual([{ ...row, status: 'PENDING' }])
  expect(await place.database.query('select task_id from monitor.message')).toHaveLength(1)
})
