import { expect, test } from 'vitest'
import { callEdit } from '../../../src/monitor/replay/call-edit.ts'
import { replayRoute } from '../../../src/monitor/replay/replay-route.ts'
import { replayedMessage } from '../../../src/monitor/replay/replayed-message.ts'
import { compressMessage, expandMessage } from '../../../src/protocol/compressed-message.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { delayedRoutingKey } from '../../../src/protocol/routing/delayed-delivery.ts'
import { decodeTask } from '../../../src/protocol/tasks/decode-task.ts'
import { encodeTaskV1 } from '../../../src/protocol/tasks/encode-task-v1.ts'
import { config, EXPORT, message } from '../messages.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const CHANGES = { taskId: 'old', newId: 'new', now: NOW }

test('the bytes of a body are published again as they were', async () => {
  const given = {
    ...message({ id: 'old' }),
    body: Buffer.from('[[1.0, 12345678901234567890], {}, {}]'),
  }
  const again = await replayedMessage(recorded(given), CHANGES)
  expect(again.body).toBe(given.body)
  expect(again.headers).toEqual({ ...given.headers, id: 'new', root_id: 'new', replay_of: 'old' })
  expect(again.properties).toEqual({ ...given.properties, correlationId: 'new' })
})

test('a child stays in its family', async () => {
  const given = message({ id: 'old', rootId: 'root', parentId: 'parent' })
  const { headers } = await replayedMessage(recorded(given), CHANGES)
  expect(headers).toMatchObject({ id: 'new', root_id: 'root', parent_id: 'parent' })
})

test('a retry is replayed as a first attempt, and no longer as a child of itself', async () => {
  const given = message({ id: 'old', parentId: 'old', retries: 3 })
  const { headers } = await replayedMessage(recorded(given), CHANGES)
  expect(headers).toMatchObject({ retries: 0, parent_id: null })
})

test('an eta that has passed is dropped, one to come stays', async () => {
  const past = await replayedMessage(recorded(message({ eta: '2026-06-01T11:59:59Z' })), CHANGES)
  expect(past.headers.eta).toBeNull()
  const eta = '2026-06-01T14:00:01+02:00'
  expect((await replayedMessage(recorded(message({ eta })), CHANGES)).headers.eta).toBe(eta)
})

test('it lives as long as it had to live', async () => {
  const publishedAt = new Date('2026-01-01T00:00:00Z')
  const given = message({ expires: '2026-01-01T00:01:00+00:00' })
  const { headers } = await replayedMessage(
    { ...recorded(given), receivedAt: publishedAt },
    CHANGES,
  )
  expect(headers.expires).toBe('2026-06-01T12:01:00.000Z')
})

test('what a broker added on the way is left out', async () => {
  const given = message({ headers: { 'x-death': [{}], 'x-first-death-queue': 'q', 'x-mine': 1 } })
  const { headers } = await replayedMessage(recorded(given), CHANGES)
  expect(Object.keys(headers).filter((name) => name.startsWith('x-'))).toEqual(['x-mine'])
})

test('a header that was taken out is left out', async () => {
  const given = message({ headers: { baggage: '[redacted]', slug: 'a' } })
  const { headers } = await replayedMessage(recorded(given), CHANGES)
  expect(headers).not.toHaveProperty('baggage')
  expect(headers).toHaveProperty('slug')
})

test('an edit replaces args as a whole and kwargs one by one, and what is shown of them', async () => {
  const given = message({ id: 'old', args: [1, 2], kwargs: { slug: 'a', format: 'pdf', old: 1 } })
  const edit = callEdit({ args: [3], kwargs: { slug: 'b', old: null } })
  const again = await replayedMessage(recorded(given), { ...CHANGES, edit })
  expect(decodeTask(again, ['json'])).toMatchObject({
    id: 'new',
    args: [3],
    kwargs: { slug: 'b', format: 'pdf' },
    argsrepr: '(3,)',
    kwargsrepr: "{'slug': 'b', 'format': 'pdf'}",
  })
})

test('a compressed message stays as it is, and is expanded to be edited', async () => {
  const given = await compressMessage(message({ args: [1, 2] }), 'gzip')
  expect((await replayedMessage(recorded(given), CHANGES)).body).toBe(given.body)
  const edited = await replayedMessage(recorded(given), { ...CHANGES, edit: { args: [9] } })
  expect(decodeTask(await expandMessage(edited), ['json']).args).toEqual([9])
})

test('a message of protocol 1 carries its new id in its body', async () => {
  const given = encodeTaskV1({
    id: 'old',
    task: 'export.add',
    args: [1],
    kwargs: { a: 1 },
    retries: 2,
  })
  const again = await replayedMessage(recorded(given), { ...CHANGES, edit: { kwargs: { a: 2 } } })
  expect(again.headers).toEqual({ replay_of: 'old' })
  expect(decodeTask(again, ['json'])).toMatchObject({
    id: 'new',
    task: 'export.add',
    args: [1],
    kwargs: { a: 2 },
    retries: 0,
  })
})

test('a pickle is published again unread, and never opened to be edited', async () => {
  const json = message({ id: 'old' })
  const given = {
    ...json,
    properties: { ...json.properties, contentType: 'application/x-python-serialize' },
    body: Buffer.from([0x80, 2, 0x2e]),
  }
  expect((await replayedMessage(recorded(given), CHANGES)).body).toBe(given.body)
  await expect(
    replayedMessage(recorded(given), { ...CHANGES, edit: { args: [] } }),
  ).rejects.toMatchObject({ code: 'REPLAY_IMPOSSIBLE', message: expect.stringMatching(/pickle/) })
})

test.each([
  ['a list', [1]],
  ['nothing', {}],
  ['another key', { arguments: [] }],
  ['args that are no list', { args: { 0: 1 } }],
  ['kwargs that are a list', { kwargs: [] }],
  ['null', null],
])('%s is no edit', (_what, value) => {
  expect(() => callEdit(value)).toThrow(expect.objectContaining({ code: 'EDIT_INVALID' }))
})

const PLACES = {
  topology: config.topology(),
  platformQueue: config.platformQueue,
  defaultExchange: 'task_exchange',
}

test('it goes where it went, without the delay it had', () => {
  expect(replayRoute(EXPORT, undefined, PLACES)).toEqual(EXPORT)
  const delayed = { exchange: 'celery_delayed_27', routingKey: delayedRoutingKey(60, 'export') }
  expect(replayRoute(delayed, undefined, PLACES)).toEqual(EXPORT)
})

test('another queue is reached by its binding', () => {
  const route = replayRoute(EXPORT, 'celery', PLACES)
  expect(route).toEqual({ exchange: 'task_exchange', routingKey: 'celery' })
})

test.each([
  ['an unknown queue', EXPORT, 'exports'],
  ['the platform queue', EXPORT, 'platform.fifo'],
  ['a key that no queue takes', { exchange: 'task_exchange', routingKey: 'nobody' }, undefined],
])('%s is refused, and the queues are named', (_what, route, queue) => {
  expect(() => replayRoute(route, queue, PLACES)).toThrow(/"celery", "export"|"export", "celery"/)
})

function recorded(given: Message) {
  return { message: given, route: EXPORT, receivedAt: NOW, problem: null }
}
