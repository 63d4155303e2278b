import { expect, test } from 'vitest'
import { writeBatch } from '../../src/monitor/write-batch.ts'
import { isOnSqs } from '../support/rabbitmq.ts'
import { eventsMessage, tell } from './events/tellings.ts'
import { message, read } from './messages.ts'
import { openPlace } from './monitored.ts'
import { told } from './states/fleet.ts'
import { migrated } from './states/recorded.ts'

test('names, roots and owners of any length are recorded, and found', async () => {
  const database = await migrated()
  const long = randomText(6000)
  const of = { parent_id: long, creator_id: long, related_object_id: long }
  const given = { id: 'a', task: `export.${long}`, root_id: long, group: long, ...of }
  await writeBatch(database, [await read(longMessage(given))])
  const row = { name: `export.${long}`, root_id: long, parent_id: long, group_id: long }
  expect(await told(database, 'a')).toMatchObject({ ...row, creator_id: long, related_id: long })
  for (const [column, id] of [
    ['name', `export.${long}`],
    ['root_id', long],
    ['creator_id', long],
    ['related_id', long],
  ]) {
    const found = `select task_id from monitor.task where ${column} = $1`
    expect(await database.query(found, [id])).toEqual([{ task_id: 'a' }])
  }
})

test.each(['py', 'js'])(
  'an id of 1,024 characters has its row and its end, of callers in %s',
  async (lang) => {
    const database = await migrated()
    const id = 'i'.repeat(1024)
    await writeBatch(database, [await read(longMessage({ id, lang }))])
    const ended = { type: 'task-succeeded', uuid: id, hostname: 'w1@host', pid: 1, runtime: 1 }
    await writeBatch(database, [
      await tell(eventsMessage([{ ...ended, timestamp: Date.now() / 1000 }])),
    ])
    expect(await told(database, id)).toMatchObject({ status: 'SUCCESS', lang, worker: 'w1@host' })
  },
)

test.skipIf(isOnSqs)(
  'an id of more than 255 characters is no correlation id of AMQP, so the publish is refused',
  async () => {
    const place = await openPlace()
    await place.publish([message({ id: 'i'.repeat(255) })])
    const publishing = place.publish([message({ id: 'i'.repeat(256) })])
    await expect(publishing).rejects.toThrow(/up to 255 chars/)
  },
)

test('an id of more than 1,024 characters goes to the quarantine with all of its message', async () => {
  const database = await migrated()
  const id = 'i'.repeat(1025)
  await writeBatch(database, [
    await read(longMessage({ id })),
    await read(longMessage({ id: 'b' })),
  ])
  expect(await database.query('select task_id from monitor.task')).toEqual([{ task_id: 'b' }])
  const [kept] = await database.query<{ code: string; reason: string; headers: { id: string } }>(
    'select code, reason, headers from monitor.quarantine',
  )
  expect(kept).toMatchObject({
    code: 'MESSAGE_INVALID',
    reason: expect.stringMatching(/its id has 1025 characters/),
    headers: { id },
  })
})

test('two calls under one id are flagged, in whatever order they come', async () => {
  const database = await migrated()
  const calls = [message({ id: 'a', args: [1] }), message({ id: 'a', args: [2] })]
  await writeBatch(database, await Promise.all(calls.map((one) => read(one))))
  for (const one of [message({ id: 'b', args: [1] }), message({ id: 'b', args: [1], retries: 1 })])
    await writeBatch(database, [await read(one)])
  expect(await told(database, 'a')).toMatchObject({
    reason: expect.stringMatching(/two calls were published under this id/),
  })
  expect((await told(database, 'b')).reason).not.toMatch(/two calls/)
})

test.each([
  ['of another name', { task: 'export.html' }],
  ['with other arguments', { kwargs: { pages: 2 } }],
])('calls under one id by programs in two languages are flagged: %s', async (_, other) => {
  const database = await migrated()
  const python = longMessage({ id: 'a', lang: 'py', origin: 'gen7@one' })
  const node = message({ id: 'a', task: 'export.pdf', origin: 'gen8@two', ...other })
  for (const one of [python, node]) await writeBatch(database, [await read(one)])
  expect(await told(database, 'a')).toMatchObject({
    reason: expect.stringMatching(/two calls were published under this id/),
  })
})

test('one call that two programs publish under one id is one task, in a family of its own', async () => {
  const database = await migrated()
  for (const origin of ['gen7@one', 'gen8@two'])
    await writeBatch(database, [await read(message({ id: 'a', task: 'export.pdf', origin }))])
  expect(await database.query('select task_id, clash from monitor.task')).toEqual([
    { task_id: 'a', clash: null },
  ])
  expect(await database.query('select from monitor.message')).toHaveLength(2)
})

test.each([
  ['in one batch', [0, 1, 2], 3],
  ['first and last', [0, 1, 2], 1],
  ['after the retry', [1, 0, 2], 1],
  ['the other first', [2, 1, 0], 1],
])('two calls under one id are flagged whatever came between them: %s', async (_, order, size) => {
  const database = await migrated()
  const calls = [{ args: [1] }, { args: [1], retries: 1 }, { args: [2] }]
  const messages = await Promise.all(order.map((at) => read(message({ id: 'a', ...calls[at] }))))
  for (let at = 0; at < messages.length; at += size)
    await writeBatch(database, messages.slice(at, at + size))
  expect(await told(database, 'a')).toMatchObject({
    retries: 1,
    reason: expect.stringMatching(/two calls were published under this id/),
  })
})

test('an id that no index takes marks no body, and spoils nothing of what it came with', async () => {
  const database = await migrated()
  const unlockOf = (id: string, of: string) => {
    const body = { task: 'export.total', options: { task_id: of, is_result: true } }
    return message({ id, task: 'celery.chord_unlock', args: ['group', body] })
  }
  const long = Array.from({ length: 1000 }, (_, at) => String.fromCodePoint(0x4e00 + at * 7)).join(
    '',
  )
  const batch = [unlockOf('a', long), unlockOf('b', 'nul\0byte'), unlockOf('c', 'body')]
  await writeBatch(database, await Promise.all(batch.map((one) => read(one))))
  expect(await database.query('select task_id from monitor.result_mark order by 1')).toEqual([
    { task_id: 'body' },
    { task_id: 'nul\ufffdbyte' },
  ])
  expect(await database.query('select from monitor.task')).toHaveLength(3)
})

function longMessage(given: Readonly<Record<string, string>>): ReturnType<typeof message> {
  const made = message({ id: 'x', task: 'export.pdf' })
  return { ...made, headers: { ...made.headers, ...given } }
}

/** That no database can compress. */
function randomText(length: number): string {
  return Array.from({ length }, () =>
    String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000)),
  ).join('')
}
