import { expect, onTestFinished, test } from 'vitest'
import { encodeMsgpack } from '../../src/codecs/msgpack/msgpack.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { Monitor } from '../../src/monitor/monitor.ts'
import type { BatchReport } from '../../src/monitor/monitor-stats.ts'
import { showTask } from '../../src/monitor/queries/show-task.ts'
import type { Message } from '../../src/protocol/message.ts'
import { messagesIn } from '../protocol/recorded.ts'
import { freshDatabase } from '../support/postgres.ts'
import { isOnSqs } from '../support/rabbitmq.ts'
import { waitFor } from '../support/wait-for.ts'
import { config, message, withBody } from './messages.ts'
import { counts, openPlace, type Place, recorded, startMonitor } from './monitored.ts'

test('a task that is published has its row and its message, and its copy is acked', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const given = message({ id: 'one', args: [1, 'two'], kwargs: { k: [null] }, retries: 0 })
  await place.publish([given])
  await recorded([monitor], 1)
  const [task] = await place.database.query('select * from monitor.task')
  expect(task).toMatchObject({
    task_id: 'one',
    kind: 'task',
    name: 'export.add',
    state: 'PENDING',
    args: [1, 'two'],
    kwargs: { k: [null] },
    queue: 'export',
    routing_key: 'export',
    root_id: 'one',
    parent_id: null,
    retries: 0,
    is_result: false,
  })
  await monitor.stop()
  expect(await place.waiting()).toBe(0)
})

test('what is wrong with a message is its own affair: the rest of its batch is written', async () => {
  const place = await openPlace()
  const [pickled] = messagesIn('body-pickle')
  const good = Array.from({ length: 50 }, (_, at) => message({ id: `good-${at}` }))
  const noId = message()
  const bad: [string, Message, RegExp][] = [
    ['bad-json', withBody('bad-json', 'not JSON'), /JSON at position 0/],
    ['bad-type', withBody('bad-type', '[[1], 2, {}]'), /kwargs is 2, expected an object/],
    ['bad-utf8', withBody('bad-utf8', Buffer.from('[["\xff"],{},{}]', 'latin1')), /UTF-8/],
    ['bad-content', withContentType(message({ id: 'bad-content' }), 'text/odd'), /'text\/odd'/],
    [
      'pickled',
      { ...pickled!.message, headers: { ...pickled!.message.headers, id: 'pickled' } },
      /is pickle/,
    ],
    ['', { ...noId, headers: { ...noId.headers, id: undefined } }, /id is missing/],
    ['', { headers: {}, properties: {}, body: Buffer.from([0, 255]) }, /content_type is missing/],
  ]
  await place.publish(good.slice(0, 25))
  await place.publish(bad.map(([, one]) => one))
  await place.publish(good.slice(25))
  const batches: BatchReport[] = []
  const monitor = await startMonitor(place, { onBatch: (batch) => batches.push(batch) })
  await recorded([monitor], 57)

  const kept = await place.database.query<{ task_id: string | null; reason: string; body: Buffer }>(
    'select task_id, reason, body from monitor.quarantine order by id',
  )
  for (const [id, { body }, reason] of bad) {
    expect(kept).toContainEqual(
      expect.objectContaining({
        body,
        reason: expect.stringMatching(reason),
        ...(id && { task_id: id }),
      }),
    )
  }
  expect(await counts(place.database)).toMatchObject({ tasks: 51, messages: 50, quarantined: 7 })
  expect(batches.reduce((sum, { quarantined }) => sum + quarantined, 0)).toBe(7)
  await place.publish([message({ id: 'still running' })])
  await recorded([monitor], 58)
})

// More than SQS takes.
test.skipIf(isOnSqs).each([
  [
    '5 MB of arguments',
    (at: string) => withBody('large', JSON.stringify([[at], {}, {}])),
    { tasks: 1, quarantined: 0 },
  ],
  ['5 MB of anything else', (at: string) => withBody('large', at), { tasks: 0, quarantined: 1 }],
])('%s are kept whole', async (_what, make, expected) => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const given = make('x'.repeat(5 * 1024 * 1024))
  await place.publish([given, message()])
  await recorded([monitor], 2)
  expect(await counts(place.database)).toMatchObject({
    tasks: expected.tasks + 1,
    quarantined: expected.quarantined,
  })
  const [row] = await place.database.query<{ body: Buffer }>(
    `select body from monitor.message where task_id = 'large'
     union all select body from monitor.quarantine where task_id = 'large'`,
  )
  expect(row?.body.equals(given.body)).toBe(true)
})

// Headers travel as kombu's JSON there, which has no bytes and no dates.
test.skipIf(isOnSqs)('a recorded message can be published again exactly as it was', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const given = message({
    id: 'odd',
    headers: {
      huge: 2n ** 62n,
      ms: 1_700_000_000_000,
      half: 0.5,
      bytes: Buffer.from([0, 255]),
      at: new Date(1_700_000_000_000),
      nul: 'a\u0000b',
      nested: { list: [1, null, { __type__: 'datetime', __value__: 'x' }] },
    },
    priority: 3,
    replyTo: 'replies',
    expirationMs: 3_600_000,
  })
  await place.publish([given])
  await recorded([monitor], 1)
  const shown = await showTask(place.database, 'odd')
  expect(shown?.messages).toHaveLength(1)
  expect(shown?.messages[0]?.message).toEqual(given)
  expect(shown?.messages[0]?.route).toEqual({ exchange: 'task_exchange', routingKey: 'export' })
})

test('values that PostgreSQL has no room for are replaced in the task, and kept in the message', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const body = '[["a\\u0000b", NaN, 123456789012345678901234567890, "\\ud800"], {"\\u0000": 1}, {}]'
  await place.publish([
    withBody('odd\u001f\u0000', body),
    withMsgpack('packed', [[2n ** 63n], {}, {}]),
  ])
  await recorded([monitor], 2)
  const rows = await place.database.query(
    'select args::text, kwargs, task_id from monitor.task order by task_id',
  )
  expect(rows).toEqual([
    {
      task_id: 'odd\u001f\uFFFD',
      args: '["a\uFFFDb", "NaN", 123456789012345678901234567890, "\uFFFD"]',
      kwargs: { '\uFFFD': 1 },
    },
    { task_id: 'packed', args: '[9223372036854775808]', kwargs: {} },
  ])
  const [kept] = await place.database.query<{ body: Buffer }>(
    "select body from monitor.message where task_id like 'odd%'",
  )
  expect(kept?.body.toString()).toBe(body)
})

test('retries arrive under the same id, in any order, and the latest is what the task shows', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const attempt = (retries: number) =>
    message({ id: 'again', retries, args: [retries], parentId: retries === 0 ? 'parent' : 'again' })
  for (const [at, retries] of [1, 2, 0].entries()) {
    await place.publish([attempt(retries)])
    await recorded([monitor], at + 1)
  }
  const rows = await place.database.query('select * from monitor.task')
  expect(rows).toMatchObject([{ retries: 2, args: [2], state: 'RETRY', parent_id: 'parent' }])
  expect(await counts(place.database)).toMatchObject({ tasks: 1, messages: 3 })
})

test('a late message moves no task back that has ended', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  await place.publish([message({ id: 'done' })])
  await recorded([monitor], 1)
  await place.database.query("update monitor.task set state = 'SUCCESS'")
  await place.publish([message({ id: 'done', retries: 1 })])
  await recorded([monitor], 2)
  expect(await place.database.query('select state, retries from monitor.task')).toEqual([
    { state: 'SUCCESS', retries: 1 },
  ])
})

// SQS drops the second copy itself, for five minutes.
test.skipIf(isOnSqs)(
  'the same message again changes nothing, not even the time of the last change',
  async () => {
    const place = await openPlace()
    const monitor = await startMonitor(place)
    const given = message({ id: 'same' })
    await place.publish([given])
    await recorded([monitor], 1)
    const before = await place.database.query('select *, xmin from monitor.task')
    await place.publish([given])
    await recorded([monitor], 2)
    expect(await place.database.query('select *, xmin from monitor.task')).toEqual(before)
    expect(await counts(place.database)).toMatchObject({ messages: 1 })
  },
)

// As above.
test.skipIf(isOnSqs)(
  'a copy that is delivered again after midnight, or days later, is recognised',
  async () => {
    const place = await openPlace()
    const [first, second] = [message({ id: 'yesterday' }), message({ id: 'last week' })]
    await place.publish([first, second])
    const monitor = await startMonitor(place)
    await recorded([monitor], 2)
    await monitor.stop()
    // As if they had been recorded on other days.
    for (const [id, days] of [
      ['yesterday', 1],
      ['last week', 7],
    ]) {
      await place.database.query(
        'update monitor.message set day = day - $2::integer where task_id = $1',
        [id, days],
      )
    }
    await place.publish([first])
    const again = await startMonitor(place)
    await recorded([again], 1)
    expect(await counts(place.database)).toMatchObject({ messages: 2 })
    await again.stop()

    await place.publish([second])
    await redeliverAll(place)
    const later = await startMonitor(place)
    await recorded([later], 1)
    expect(await counts(place.database)).toMatchObject({ messages: 2 })
  },
)

test('a task whose key reaches no work queue is recorded, and flagged', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place)
  const route = { exchange: 'task_exchange', routingKey: 'nobody' }
  await place.publish([message({ id: 'lost', task: 'nobody.home' })], route)
  await recorded([monitor], 1)
  expect(
    await place.database.query("select queue, options -> 'unrouted' as unrouted from monitor.task"),
  ).toEqual([{ queue: null, unrouted: true }])
})

test('a monitor that stops has written and acked what it held', async () => {
  const place = await openPlace()
  const monitor = await startMonitor(place, { batchSize: 10 })
  await place.publish(Array.from({ length: 300 }, () => message()))
  await waitFor('the first batch', () => monitor.stats().batches > 0)
  await monitor.stop()
  const { messages } = await counts(place.database)
  expect(messages).toBe(monitor.stats().messages)
  expect(await place.waiting()).toBe(300 - messages)
})

test('a database without our tables is refused, and the command that makes them is named', async () => {
  const place = await openPlace()
  const database = await openDatabase({ url: await freshDatabase() })
  onTestFinished(() => database.close())
  const monitor = new Monitor({ broker: place.broker, database, config })
  await expect(monitor.start()).rejects.toMatchObject({
    code: 'DATABASE_BEHIND',
    message: expect.stringContaining('celery-toolbox migrate up'),
  })
})

function withContentType(given: Message, contentType: string): Message {
  return { ...given, properties: { ...given.properties, contentType } }
}

function withMsgpack(id: string, body: unknown): Message {
  return { ...withContentType(message({ id }), 'application/x-msgpack'), body: encodeMsgpack(body) }
}

/** Takes all that waits in the platform queue and puts it back. */
async function redeliverAll({ broker }: Place): Promise<void> {
  const taken = await broker.get(config.platformQueue)
  await taken?.requeue()
  await waitFor(
    'the message to be back',
    async () => (await broker.depth(config.platformQueue)).messages,
  )
}
