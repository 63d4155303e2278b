import { expect, test } from 'vitest'
import { whyTask } from '../../src/monitor/queries/why/why-task.ts'
import { editedMessage } from '../../src/monitor/replay/edited-message.ts'
import { replayTask } from '../../src/monitor/replay/replay-task.ts'
import { Vault } from '../../src/schedule/vault.ts'
import { waitFor } from '../support/wait-for.ts'
import { config, EXPORT, message } from './messages.ts'
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

test('what is due and refused by the broker says so, and why and when, and is in no queue', async () => {
  const place = await openPlace()
  const vault = new Vault(place.database)
  await startMonitor(place)
  await place.vhost.rabbitmqctl('delete_queue', 'export')
  const dueAt = new Date(Date.now() + 1500)
  const eta = dueAt.toISOString()
  for (const [taskId, exchange, routingKey] of [
    ['no queue', '', 'export'],
    ['no exchange', 'gone', 'export'],
    ['fine', 'task_exchange', 'celery'],
  ] as const) {
    const held = { name: 'export.add', dueAt, message: message({ id: taskId, eta }) }
    await vault.hold({ ...held, taskId, route: { exchange, routingKey } })
  }
  const refused = async (id: string) =>
    await waitFor(`the refusal of ${id}`, async () => {
      const [row] = await place.database.query<{ status: string; reason: string }>(
        "select status, reason from monitor.task_history where task_id = $1 and reason ~ 'refused'",
        [id],
      )
      return row
    })
  const said = (problem: string) =>
    `due \\d+ s ago, and the broker refused it \\d+ s ago: BrokerError: .*${problem}`
  expect(await refused('no queue')).toEqual({
    status: 'PENDING',
    reason: expect.stringMatching(`^${said('"export"')}`),
  })
  expect(await refused('no exchange')).toEqual({
    status: 'UNROUTED',
    reason: expect.stringMatching(
      `^no work queue is bound to key export; ${said('exchange.*"gone"')}`,
    ),
  })
  expect(await whyTask(place.database, place.broker, 'no queue')).toMatchObject({
    queue: null,
    vault: { dueAt, problem: expect.any(String), refusedAt: expect.any(Date) },
    why: [
      expect.stringMatching(`^it is not published yet: ${said('"export"')}`),
      expect.stringMatching(/^it is tried again at 20/),
    ],
  })
  await waitFor('the other', async () => (await place.broker.depth('celery')).messages === 1)
  expect(await vault.size()).toBe(2)
})

test('what was changed while it waited is shown, and replayed, as it is now: earlier, with less', async () => {
  const place = await openPlace()
  const vault = new Vault(place.database)
  const monitor = await startMonitor(place)
  const dueAt = new Date(Date.now() + 7_200_000)
  const given = message({ id: 'later', args: [9, 9], eta: dueAt.toISOString() })
  await vault.hold({ taskId: 'later', name: 'export.add', dueAt, message: given, route: EXPORT })
  const row = async () => {
    const [task] = await place.database.query<{ eta: Date; args: unknown; status: string }>(
      'select eta, args, status from monitor.task_history',
    )
    return task
  }
  await waitFor('its row', async () => (await row()) !== undefined)
  const sooner = new Date(Date.now() + 3_600_000)
  await vault.change('later', (held) => ({ ...held, dueAt: sooner }))
  await waitFor('its new time', async () => (await row())?.eta.getTime() === sooner.getTime())
  await vault.change('later', async (held) => ({
    ...held,
    dueAt: new Date(Date.now() - 1),
    message: await editedMessage(held.message, 'later', { args: [1] }),
  }))
  await waitFor('its message', async () => (await place.broker.depth('export')).messages === 1)
  await waitFor('its copy', () => monitor.stats().messages === 1)
  expect(await row()).toMatchObject({ status: 'PENDING', args: [1] })
  await replayTask(place.database, place.broker, 'later', { config, isForced: true })
  await waitFor('the copy of its replay', () => monitor.stats().messages === 2)
  expect(
    await place.database.query('select args from monitor.task where replay_of is not null'),
  ).toEqual([{ args: [1] }])
})
