import { describe, expect, test } from 'vitest'
import { encodeMsgpack } from '../../../src/codecs/msgpack/msgpack.ts'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import { MESSAGE_CATEGORIES } from '../../protocol/covered.ts'
import { messagesIn, recordingsOf } from '../../protocol/recorded.ts'
import { EXPORT, message, read, readTask, withBody } from '../messages.ts'

const recorded = recordingsOf(MESSAGE_CATEGORIES)
  .flatMap(messagesIn)
  .filter(({ message: { headers, body } }) => {
    return headers.task !== undefined || body.toString().startsWith('{"task": ')
  })

test('there are recordings to read', () => {
  expect(recorded.length).toBeGreaterThan(100)
})

describe('a message that Python sent becomes the row of its task', () => {
  test.each(recorded.map((one) => [one.label, one] as const))('%s', async (_label, one) => {
    const { headers, properties, body } = one.message
    const said = headers.task === undefined ? JSON.parse(body.toString()) : headers
    const task = await readTask(one.message, { exchange: one.exchange, routingKey: one.routingKey })
    expect(task).toMatchObject({ ...expectedTask(said), routingKey: one.routingKey })
    expect(JSON.parse(task.options)).toMatchObject({
      content_type: properties.contentType,
      ...(said.eta !== null && { eta: said.eta }),
      ...(properties.priority !== undefined && { priority: properties.priority }),
    })
    if (properties.contentType === 'application/json' && headers.compression === undefined) {
      expectSameCall(task, body.toString())
    }
  })
})

function expectedTask(said: Record<string, unknown>): object {
  const { id, task, retries, root_id: root, parent_id: parent, group, eta } = said
  return {
    taskId: id,
    name: task,
    state: Number(retries) > 0 ? 'RETRY' : 'PENDING',
    retries,
    rootId: root ?? id,
    parentId: parent === id ? null : (parent ?? null),
    groupId: group,
    etaMs: eta === null ? null : Date.parse(withZone(String(eta))),
  }
}

test('one that is compressed is decoded for the task, and kept as it came', async () => {
  const compressed = await compressMessage(message({ args: ['long '.repeat(100)] }), 'zlib')
  const { task, message: kept } = await read(compressed)
  expect(JSON.parse(task?.args ?? '')).toEqual(['long '.repeat(100)])
  expect(JSON.parse(task?.options ?? '')).toMatchObject({ compression: 'application/x-gzip' })
  expect(kept.body).toEqual(compressed.body)
})

test('msgpack is read, whatever the workers accept', async () => {
  const body = encodeMsgpack([[1, Buffer.from([255])], { k: [2n ** 63n] }, {}])
  const given = message()
  const task = await readTask({
    ...given,
    properties: { ...given.properties, contentType: 'application/x-msgpack' },
    body,
  })
  expect(task.args).toBe('[1,{"__type__":"base64","__value__":"/w=="}]')
  expect(task.kwargs).toBe('{"k":[9223372036854775808]}')
})

test('NaN is recorded as text, long integers digit by digit, and NUL as U+FFFD', async () => {
  const task = await readTask(
    withBody('id', '[[NaN, 123456789012345678901234567890, "a\\u0000"], {"k": -Infinity}, {}]'),
  )
  expect(task.args).toBe('["NaN",123456789012345678901234567890,"a\uFFFD"]')
  expect(task.kwargs).toBe('{"k":"-Infinity"}')
})

test('the options say what follows a task', async () => {
  const step = {
    task: 't',
    args: [],
    kwargs: {},
    options: {},
    subtask_type: null,
    immutable: false,
  }
  const task = await readTask(message({ callbacks: [step], chain: [step, step], chord: step }))
  expect(JSON.parse(task.options)).toMatchObject({ callbacks: 1, chain: 2, chord: true })
})

test('the options hold what was set, and nothing else', async () => {
  const task = await readTask(
    message({
      timeLimit: 90,
      softTimeLimit: 60,
      priority: 3,
      replyTo: 'replies',
      stamps: { tenant: 'acme' },
    }),
  )
  const options = JSON.parse(task.options)
  expect(options).toMatchObject({
    timelimit: [90, 60],
    priority: 3,
    reply_to: 'replies',
    stamps: { tenant: 'acme' },
    content_type: 'application/json',
    delivery_mode: 2,
  })
  for (const name of ['eta', 'expires', 'retries', 'chain', 'unrouted'])
    expect(options).not.toHaveProperty(name)
})

test.each<[string, object]>([
  [
    'as text',
    {
      creator_id: '7',
      related_content_type_id: 'project',
      related_object_id: 'abc',
      is_result: 'True',
    },
  ],
  [
    'as numbers',
    { creator_id: 7, related_content_type_id: 12, related_object_id: 2n ** 60n, is_result: 1 },
  ],
])('whom a task belongs to is read from its headers, %s', async (_how, headers) => {
  const values = Object.values(headers).map(String)
  expect(await readTask(message({ headers: { ...headers } }))).toMatchObject({
    creatorId: values[0],
    relatedType: values[1],
    relatedId: values[2],
    isResult: true,
  })
})

test.each([{ toString: 1, valueOf: 1 }, [], null, 12, 'yes', '\ud800'])(
  'a chord whose body is marked by %j is recorded, and marks nothing',
  async (mark) => {
    const options = { task_id: 'b', is_result: mark }
    const call = { task: 'export.add', args: [], kwargs: {}, subtask_type: null, immutable: false }
    expect(await readTask(message({ chord: { ...call, options } }))).toMatchObject({
      resultBodies: [],
    })
  },
)

test('whom a task belongs to is read from properties where a broker has such', async () => {
  const given = message()
  const properties = { ...given.properties, creator_id: 'seven', is_result: true }
  expect(await readTask({ ...given, properties })).toMatchObject({
    creatorId: 'seven',
    isResult: true,
  })
})

test('a task that no work queue gets is flagged, as no worker will run it', async () => {
  const task = await readTask(message({ task: 'nobody.home' }), { ...EXPORT, routingKey: 'nobody' })
  expect(task.queue).toBeNull()
  expect(JSON.parse(task.options)).toMatchObject({ unrouted: true })
})

test('a natively delayed message has gone to the queue of its original key', async () => {
  const delay = Array.from({ length: 28 }, () => '0').join('.')
  const route = { exchange: 'celery_delayed_27', routingKey: `${delay}.export` }
  expect(await readTask(message(), route)).toMatchObject({ queue: 'export' })
})

test('a pickle is never opened: its headers make the row, and its body goes to the quarantine', async () => {
  const [pickled] = messagesIn('body-pickle')
  const { task, problem, message: kept } = await read(pickled!.message)
  expect(problem).toEqual({
    code: 'CONTENT_DISALLOWED',
    reason: expect.stringContaining('pickle, which is never executed'),
  })
  expect(task).toMatchObject({ taskId: pickled!.message.headers.id, args: null, kwargs: null })
  expect(JSON.parse(task?.options ?? '').content_type).toBe('application/x-python-serialize')
  expect(kept.body).toEqual(pickled!.message.body)
})

test('what cannot be read has the reason, and the id as far as it can be seen', async () => {
  const { task, taskId, problem } = await read(withBody('seen', 'not JSON'))
  expect({ task, taskId }).toEqual({ task: null, taskId: 'seen' })
  expect(problem).toMatchObject({ code: 'MESSAGE_UNDECODABLE' })
})

test('a digest distinguishes messages, and recognises the same one delivered again', async () => {
  const given = message()
  const digestOf = async (one = given, route = EXPORT) => (await read(one, route)).message.digest
  const first = await digestOf()
  expect(await digestOf()).toBe(first)
  // A quorum queue counts deliveries in a header.
  expect(await digestOf({ ...given, headers: { ...given.headers, 'x-delivery-count': 3 } })).toBe(
    first,
  )
  const others = await Promise.all([
    digestOf({ ...given, body: Buffer.from('[[1, 3], {}, {}]') }),
    digestOf({ ...given, headers: { ...given.headers, retries: 1 } }),
    digestOf({ ...given, properties: { ...given.properties, priority: 9 } }),
    digestOf(given, { ...EXPORT, routingKey: 'other' }),
    digestOf({ ...given, body: Buffer.alloc(5000, 1) }),
    digestOf({ ...given, body: Buffer.alloc(5000, 2) }),
  ])
  expect(new Set([first, ...others]).size).toBe(7)
})

function expectSameCall(task: { args: string | null; kwargs: string | null }, body: string): void {
  if (/NaN|Infinity|\d{16}|\\u0000/.test(body)) return
  const value = JSON.parse(body)
  const [args, kwargs] = Array.isArray(value) ? value : [value.args, value.kwargs]
  expect(JSON.parse(task.args ?? '')).toEqual(args)
  expect(JSON.parse(task.kwargs ?? '')).toEqual(kwargs)
}

/** Celery takes a time without an offset for UTC. */
function withZone(iso: string): string {
  return /(?:Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : `${iso}Z`
}
