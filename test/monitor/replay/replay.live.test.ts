import { expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../../src/brokers/broker.ts'
import { openBroker } from '../../../src/brokers/open-broker.ts'
import type { Database } from '../../../src/database/database.ts'
import { openDatabase } from '../../../src/database/open-database.ts'
import { Monitor } from '../../../src/monitor/monitor.ts'
import { type Replayed, replayTask } from '../../../src/monitor/replay/replay-task.ts'
import { type NotReplayed, replayTasks } from '../../../src/monitor/replay/replay-tasks.ts'
import { selectTasks } from '../../../src/monitor/replay/select-tasks.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { migratedDatabase } from '../../support/postgres.ts'
import { waitFor } from '../../support/wait-for.ts'
import { config, EXPORT, message } from '../messages.ts'

const OPTIONS = { config }

test('a replayed task names the one it was made of, and its bytes are the same', async () => {
  const place = await openPlace([message({ id: 'old', args: [1, 2] })])
  await finish(place.database, 'old')
  const [before] = await place.take(1)
  const { newId } = await replayTask(place.database, place.broker, 'old', OPTIONS)
  const [after] = await place.take(1)
  expect(after?.body.equals(before?.body ?? Buffer.of())).toBe(true)
  await waitFor('its row', async () => (await place.rows()).length === 2)
  expect(await place.rows()).toContainEqual({ task_id: newId, replay_of: 'old', state: 'PENDING' })
})

test('a replayed task of a megabyte has the bytes of the one it was made of', async () => {
  const place = await openPlace([message({ id: 'old', args: ['x'.repeat(1_000_000)] })])
  await finish(place.database, 'old')
  const [before] = await place.take(1)
  await replayTask(place.database, place.broker, 'old', OPTIONS)
  const [after] = await place.take(1)
  expect(after?.body.equals(before?.body ?? Buffer.of())).toBe(true)
  expect(after?.body.length).toBeGreaterThan(1_000_000)
})

test('a second replay is refused unless asked for', async () => {
  const place = await openPlace([message({ id: 'old' })])
  await finish(place.database, 'old')
  const first = await replayTask(place.database, place.broker, 'old', OPTIONS)
  await expect(replayTask(place.database, place.broker, 'old', OPTIONS)).rejects.toMatchObject({
    code: 'REPLAY_REPEATED',
    message: expect.stringContaining(String(first.newId)),
  })
  const second = await replayTask(place.database, place.broker, 'old', {
    ...OPTIONS,
    isAgain: true,
  })
  expect(second.newId).not.toBe(first.newId)
})

test('of ten replays at once one is published', async () => {
  const place = await openPlace([message({ id: 'old' })])
  await finish(place.database, 'old')
  await place.take(1)
  const replays = Array.from({ length: 10 }, () =>
    replayTask(place.database, place.broker, 'old', OPTIONS),
  )
  const outcomes = await Promise.allSettled(replays)
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect((await place.broker.depth('export')).messages).toBe(1)
})

test('what the broker did not take is published by the next try, under the same id', async () => {
  const place = await openPlace([message({ id: 'old' })])
  await finish(place.database, 'old')
  const failing = Object.create(place.broker, {
    publish: { value: () => Promise.reject(new Error('cut off')) },
  }) as Broker // all but its publish
  await expect(replayTask(place.database, failing, 'old', OPTIONS)).rejects.toThrow('cut off')
  const [taken] = await place.database.query<{ new_id: string }>(
    'select new_id from monitor.replay',
  )
  const { newId } = await replayTask(place.database, place.broker, 'old', OPTIONS)
  expect(newId).toBe(taken?.new_id)
})

test('what was published by one who died before saying so is not published again', async () => {
  const place = await openPlace([message({ id: 'old' })])
  await finish(place.database, 'old')
  const { newId } = await replayTask(place.database, place.broker, 'old', OPTIONS)
  await waitFor('its row', async () => (await place.rows()).length === 2)
  await place.database.query('update monitor.replay set published_at = null')
  await expect(replayTask(place.database, place.broker, 'old', OPTIONS)).rejects.toMatchObject({
    code: 'REPLAY_REPEATED',
    message: expect.stringContaining(String(newId)),
  })
})

test('a task that may still run is replayed by force only, and an unknown one not at all', async () => {
  const place = await openPlace([message({ id: 'old' })])
  const replay = (id: string, isForced: boolean) =>
    replayTask(place.database, place.broker, id, { ...OPTIONS, isForced })
  await expect(replay('old', false)).rejects.toMatchObject({ code: 'TASK_UNFINISHED' })
  await expect(replay('new', true)).rejects.toMatchObject({ code: 'TASK_UNKNOWN' })
  expect(await replay('old', true)).toMatchObject({
    taskId: 'old',
    name: 'export.add',
    route: EXPORT,
  })
})

test('a dry run publishes nothing and takes no turn', async () => {
  const place = await openPlace([message({ id: 'old' })])
  await finish(place.database, 'old')
  await place.take(1)
  const options = { ...OPTIONS, isDryRun: true }
  expect(await replayTask(place.database, place.broker, 'old', options)).toMatchObject({
    newId: null,
  })
  expect((await place.broker.depth('export')).messages).toBe(0)
  expect(await place.database.query('select 1 from monitor.replay')).toEqual([])
  await replayTask(place.database, place.broker, 'old', OPTIONS)
  await expect(replayTask(place.database, place.broker, 'old', options)).rejects.toMatchObject({
    code: 'REPLAY_REPEATED',
  })
  const again = { ...options, isAgain: true }
  expect(await replayTask(place.database, place.broker, 'old', again)).toMatchObject({
    newId: null,
  })
})

test('of many tasks those that cannot be replayed are named, the others go on, no faster than asked', async () => {
  const place = await openPlace(['a', 'b', 'c'].map((id) => message({ id })))
  await finish(place.database, 'a')
  await finish(place.database, 'c')
  const startedAt = performance.now()
  const outcomes: (Replayed | NotReplayed)[] = []
  const ids = ['a', 'b', 'nobody', 'c']
  const options = { ...OPTIONS, perSecond: 10 }
  for await (const outcome of replayTasks(place.database, place.broker, ids, options)) {
    outcomes.push(outcome)
  }
  expect(performance.now() - startedAt).toBeGreaterThan(190)
  expect(outcomes.map((each) => ('problem' in each ? each.problem.code : 'replayed'))).toEqual([
    'replayed',
    'TASK_UNFINISHED',
    'TASK_UNKNOWN',
    'replayed',
  ])
})

test('tasks are chosen by status, whichever table knows it, by time and by condition', async () => {
  const place = await openPlace(['a', 'b', 'c', 'd'].map((id) => message({ id })))
  const { database } = place
  await finish(database, 'a')
  await finish(database, 'b')
  await database.query(
    `insert into celery_taskmeta (id, task_id, status, date_done) values (1, 'c', 'FAILURE', now() at time zone 'UTC')`,
  )
  await database.query(
    "update monitor.task set finished_at = now() - interval '3 hours' where task_id = 'a'",
  )
  const status = 'FAILURE'
  expect(await selectTasks(database, { status })).toEqual(['a', 'b', 'c'])
  const since = new Date(Date.now() - 3_600_000)
  expect(await selectTasks(database, { status, since })).toEqual(['b', 'c'])
  const where = "task_id <> 'b' -- and nothing else"
  expect(await selectTasks(database, { status, since, where })).toEqual(['c'])
  expect(await selectTasks(database, { where, limit: 2 })).toEqual(['a', 'c'])
  const escaping = selectTasks(database, { status, where: 'false) OR (true' })
  await expect(escaping).rejects.toMatchObject({ code: 'CONDITION_INVALID' })
  await expect(selectTasks(database, { where: '1 / 0 = 1' })).rejects.toMatchObject({
    code: 'CONDITION_INVALID',
  })
})

interface Place {
  readonly broker: Broker
  readonly database: Database
  /** Takes messages off the work queue. */
  take(count: number): Promise<Message[]>
  rows(): Promise<object[]>
}

/** A memory broker whose messages a monitor has recorded. */
async function openPlace(messages: readonly Message[]): Promise<Place> {
  const broker = openBroker({ url: `memory://replay-${Math.random()}` })
  onTestFinished(() => broker.close())
  const url = await migratedDatabase()
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  const monitor = new Monitor({ broker, database, config })
  onTestFinished(() => monitor.stop({ graceMs: 0 }))
  await monitor.start()
  const rows = () =>
    database.query<object>(
      'select task_id, replay_of, state from monitor.task order by published_at',
    )
  await broker.publishMany(messages.map((each) => ({ message: each, route: EXPORT })))
  await waitFor('their rows', async () => (await rows()).length === messages.length)
  return { broker, database, rows, take: (count) => take(broker, count) }
}

async function take(broker: Broker, count: number): Promise<Message[]> {
  const taken: Message[] = []
  while (taken.length < count) {
    const delivery = await broker.get('export')
    if (delivery === undefined) throw new Error(`only ${taken.length} messages`)
    await delivery.ack()
    taken.push(delivery.message)
  }
  return taken
}

async function finish(database: Database, taskId: string): Promise<void> {
  await database.query("update monitor.task set state = 'FAILURE' where task_id = $1", [taskId])
}
