import { expect, test } from 'vitest'
import { listQuarantine, showQuarantine } from '../../../src/monitor/quarantine/list-quarantine.ts'
import { reinject } from '../../../src/monitor/quarantine/reinject.ts'
import { config, message, withBody } from '../messages.ts'
import { counts, openPlace, recorded, startMonitor } from '../monitored.ts'

test('what could not be recorded is read again after a fix, once, and what is still wrong stays', async () => {
  const place = await openPlace()
  const { database } = place
  await database.query("alter table monitor.task add constraint flaw check (name <> 'export.new')")
  const fixed = Array.from({ length: 3 }, (_, at) =>
    message({ id: `fixed-${at}`, task: 'export.new', args: [at, 2 ** 53], kwargs: { slug: 'ä' } }),
  )
  const broken = withBody('broken', 'not JSON')
  await place.publish([message(), ...fixed, broken, message()])
  const monitor = await startMonitor(place)
  await recorded([monitor], 6)
  expect(await counts(database)).toMatchObject({ tasks: 2, messages: 2, quarantined: 4 })

  await database.query('alter table monitor.task drop constraint flaw')
  const wouldBe = await reinject(database, { all: true }, { config, dryRun: true })
  expect(wouldBe).toMatchObject({ looked: 4, recorded: 3, isDryRun: true })
  expect(await counts(database)).toMatchObject({ tasks: 2 })
  const [listed] = await listQuarantine(database, { code: 'ROW_REFUSED', limit: 1 })
  const first = await reinject(database, { ids: [listed?.id ?? 0] }, { config })
  expect(first).toMatchObject({ looked: 1, recorded: 1, stillUnread: [], missing: [] })
  const again = await reinject(database, { ids: [listed?.id ?? 0, 999_999] }, { config })
  expect(again).toMatchObject({ looked: 0, recorded: 0, missing: [listed?.id, 999_999] })
  const rest = await reinject(database, { all: true }, { config })
  expect(rest).toMatchObject({
    looked: 3,
    recorded: 2,
    stillUnread: [{ code: 'MESSAGE_UNDECODABLE', count: 1 }],
  })
  const rows = await database.query(
    `select task.task_id, name, args::text, task.queue, published_at = kept.received_at as is_then, message.body = kept.body as is_same
     from monitor.task join monitor.message using (task_id) join monitor.quarantine kept using (digest)
     where name = 'export.new' and kept.resolved_at is not null order by task_id`,
  )
  expect(rows).toEqual(
    fixed.map((_, at) => ({
      task_id: `fixed-${at}`,
      name: 'export.new',
      args: `[${at}, 9007199254740992]`,
      queue: 'export',
      is_then: true,
      is_same: true,
    })),
  )
  expect(await reinject(database, { all: true }, { config })).toMatchObject({
    looked: 1,
    recorded: 0,
  })
  expect(await listQuarantine(database)).toMatchObject([{ taskId: 'broken', resolvedAt: null }])
  expect(await listQuarantine(database, { withResolved: true })).toHaveLength(4)

  // A copy that was delivered late is the same message still.
  await place.publish([...fixed, broken])
  await recorded([monitor], 10)
  expect(await counts(database)).toMatchObject({ tasks: 5, messages: 5, quarantined: 4 })
})

test('a message in quarantine is shown whole', async () => {
  const place = await openPlace()
  const given = withBody('broken', Buffer.from([0xff, 0x00, 0x7b]))
  await place.publish([given])
  await recorded([await startMonitor(place)], 1)
  const [listed] = await listQuarantine(place.database)
  const shown = await showQuarantine(place.database, listed?.id ?? 0)
  expect(shown).toMatchObject({ taskId: 'broken', code: 'MESSAGE_UNDECODABLE', bodyBytes: 3 })
  expect(shown.message).toMatchObject({ headers: given.headers, body: given.body })
  await expect(showQuarantine(place.database, 999)).rejects.toMatchObject({
    code: 'QUARANTINE_UNKNOWN',
  })
})
