import { expect, test } from 'vitest'
import { eventEntry } from '../../../src/monitor/events/event-entry.ts'
import { mirrorRecordOf } from '../../../src/monitor/mirror/mirror-record.ts'
import type { MirrorRecord } from '../../../src/monitor/mirror/types.ts'
import { WorkQueues } from '../../../src/monitor/mirror/work-queues.ts'
import { Privacy } from '../../../src/monitor/privacy/privacy.ts'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import type { Message } from '../../../src/protocol/message.ts'
import { decodeTask } from '../../../src/protocol/tasks/decode-task.ts'
import type { TaskCall } from '../../../src/protocol/tasks/task-request.ts'
import { config, delivery, EXPORT, message } from '../messages.ts'

const SECRET = 's3cr3t'

test.each<[string, readonly string[], Partial<TaskCall>]>([
  ['a keyword argument', ['password'], { kwargs: { password: SECRET } }],
  ['a key in other letters', ['api_key'], { kwargs: { 'API-Key': SECRET } }],
  ['a key deep inside', ['password'], { args: [{ users: [{ password: SECRET }] }] }],
  ['a key below another', ['*.token'], { kwargs: { user: { token: SECRET } } }],
  ['a path', ['card.number'], { kwargs: { order: { card: { number: SECRET } } } }],
  ['part of a key', ['*secret*'], { kwargs: { client_secret_2: SECRET } }],
  ['an argument by its position', ['export.add:0'], { args: [SECRET, 2] }],
  ['a key of an argument of some tasks', ['export.*:1.pin'], { args: [1, { pin: SECRET }] }],
  ['a whole dict', ['credentials'], { kwargs: { credentials: { any: [SECRET] } } }],
  ['a header', ['x_token'], { headers: { 'x-token': SECRET } }],
  ['a key inside of a header', ['token'], { headers: { auth: { token: SECRET } } }],
  ['a callback', ['password'], { callbacks: [signature({ password: SECRET })] }],
  ['a step of a chain by position', ['export.step:0'], { chain: [signature({}, [SECRET])] }],
  ['the body of a chord', ['password'], { chord: signature({ password: SECRET }) }],
  ['a call among the arguments', ['export.step:0'], { kwargs: { later: signature({}, [SECRET]) } }],
  [
    'a path through what looks like a call',
    ['job.kwargs.pin'],
    { kwargs: { job: signature({ pin: SECRET }) } },
  ],
  [
    'an argument after the result that is put before it',
    ['export.step:1'],
    { chain: [signature({}, [SECRET])] },
  ],
  [
    'an argument after what an errback is given',
    ['export.step:3'],
    { errbacks: [signature({}, [SECRET])] },
  ],
  ['each item of a starmap', ['export.step:1'], each('celery.starmap', [['a', SECRET]])],
  ['each item of a map', ['export.step:0.pin'], each('celery.map', [{ pin: SECRET }])],
  ['each item of chunks', ['export.step:0'], each('celery.chunks', [[SECRET], [SECRET]])],
  [
    'what a step says of its arguments',
    ['password'],
    { chain: [{ ...signature({}), options: { kwargsrepr: `password=${SECRET}` } }] },
  ],
  ['a key with a dot', ['card.number'], { kwargs: { 'card.number': SECRET } }],
  ['text of a header', ['token'], { headers: { baggage: `user=a,token=${SECRET}` } }],
])('%s that a rule names is stored nowhere', (_what, rules, call) => {
  const stored = read(message({ ...call, ...shownAs(call) }), rules)
  expect(stored.problem).toBeNull()
  expect(textOf(stored)).not.toContain(SECRET)
  expect(textOf(stored)).toContain('[redacted]')
  expect(stored.message.altered?.redacted).not.toEqual([])
})

test.each(['json', 'yaml', 'msgpack'])(
  'a %s body is written again with the rest as it was',
  (serializer) => {
    const given = message({
      serializer,
      args: [1, 'two'],
      kwargs: { password: SECRET, other: [null, 1.5] },
    })
    const { message: row } = read(given, ['password'])
    const again = decodeTask({ ...given, body: row.body }, [serializer])
    expect(again.args).toEqual([1, 'two'])
    expect(again.kwargs).toEqual({ password: '[redacted]', other: [null, 1.5] })
    expect(row.altered).toEqual({ redacted: ['kwargs.password', 'headers.kwargsrepr'] })
  },
)

test('floats stay floats, and long integers whole, in a body that is written again', () => {
  const body = Buffer.from(`[[1.0, 12345678901234567890], {"password": "${SECRET}"}, {}]`)
  const { message: row } = read({ ...message(), body }, ['password'])
  expect(row.body.toString()).toBe('[[1.0, 12345678901234567890], {"password": "[redacted]"}, {}]')
})

test('a message of protocol 1 is redacted too', () => {
  const body = {
    id: 'a',
    task: 'export.add',
    args: [SECRET],
    kwargs: { password: SECRET },
    retries: 0,
  }
  const given: Message = {
    headers: {},
    properties: { contentType: 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  }
  const stored = read(given, ['password', 'export.add:0'])
  expect(textOf(stored)).not.toContain(SECRET)
  expect(stored.task).toMatchObject({ args: '["[redacted]"]', kwargs: '{"password":"[redacted]"}' })
})

test.each([
  ['two values of one key', 'json', `[[], {"user": {"password": "${SECRET}"}, "user": 1}, {}]`],
  ['of one escaped key', 'json', `[[], {"user": {"pass\\u0077ord": "${SECRET}"}, "user": 1}, {}]`],
  ['a comment', 'x-yaml', `# password: ${SECRET}\n[[], {user: 1}, {}]`],
])('what only the bytes of a body show is not stored: %s', (_what, type, body) => {
  const given = {
    ...message(),
    body: Buffer.from(body),
    properties: { contentType: `application/${type}` },
  }
  const stored = read(given, ['password'])
  expect(textOf(stored)).not.toContain(SECRET)
  expect(stored.task).toMatchObject({ kwargs: expect.stringContaining('user') })
  expect(stored.message.altered).toEqual({ redacted: ['body'] })
})

test.each<[string, object, unknown]>([
  ['arguments that are no list', {}, [SECRET, {}, {}]],
  ['arguments in an object', {}, { args: [SECRET], kwargs: {} }],
  ['no name', { task: null }, [[SECRET], {}, {}]],
  ['a name that is none', { task: ['export.add'] }, [[SECRET], {}, {}]],
  ['a body that is too short', {}, [[SECRET], {}]],
  ['an id that is none', { id: { password: SECRET } }, [[], {}, {}]],
])('an argument by its position is stored nowhere, with %s', (_what, headers, body) => {
  const given = message()
  const odd = {
    ...given,
    headers: { ...given.headers, ...headers },
    body: Buffer.from(JSON.stringify(body)),
  }
  const stored = read(odd, ['export.add:0', 'password'])
  expect(textOf(stored)).not.toContain(SECRET)
})

test('what can be read but for a header keeps its body', () => {
  const given = message({ kwargs: { password: SECRET, slug: 'a' } })
  const stored = read({ ...given, headers: { ...given.headers, eta: 'soon' } }, ['password'])
  expect(stored.problem).toMatchObject({
    code: 'MESSAGE_INVALID',
    reason: expect.stringContaining('soon'),
  })
  expect(stored.message.body.toString()).toContain('slug')
})

test('a compressed message is redacted, and kept expanded', async () => {
  const given = await compressMessage(message({ kwargs: { password: SECRET } }), 'zlib')
  const stored = await mirrorRecordOf(delivery(given, EXPORT), QUEUES, {
    privacy: new Privacy({ REDACT: ['password'] }),
  })
  expect(stored.message.body.toString()).toContain('[redacted]')
  expect(stored.message.headers).not.toContain('zlib')
})

test('a message that holds nothing a rule names is kept byte for byte', () => {
  const given = message({ kwargs: { slug: 'a', passwords: 1 } })
  const stored = read(given, ['password', '*.token', 'export.other:0'])
  expect(stored.message.body).toBe(given.body)
  expect(stored.message).not.toHaveProperty('altered')
  expect(stored.message.digest).toBe(read(given, []).message.digest)
})

test('what cannot be read goes without its body and the reason, or whole where that is asked for', () => {
  const broken = {
    ...message({ id: 'broken' }),
    body: Buffer.from(`{"password": "${SECRET}", nonsense`),
  }
  const dropped = read(broken, ['password'])
  expect(textOf(dropped)).not.toContain(SECRET)
  expect(dropped).toMatchObject({ taskId: 'broken', problem: { code: 'MESSAGE_UNDECODABLE' } })
  expect(dropped.message.altered?.dropped).toBe(broken.body.length)
  const kept = read(broken, ['password'], { REDACT_UNREADABLE: 'keep' })
  expect(kept.message.body).toBe(broken.body)
})

test('an error that shows values shows those only that may be stored', () => {
  const odd = {
    ...message({ id: 'odd' }),
    body: Buffer.from(JSON.stringify({ password: SECRET, no: 'task' })),
  }
  const stored = read(odd, ['password'])
  expect(stored.problem).not.toBeNull()
  expect(textOf(stored)).not.toContain(SECRET)
})

test.each([
  [`{'slug': 'a', 'password': '${SECRET}'}`, true],
  [`User(name='a', password='${SECRET}')`, true],
  [`{"nested": "{\\"password\\": \\"${SECRET}\\"}"}`, true],
  ["{'slug': 'a', 'passwords_left': 3}", false],
  ['no password was given', false],
  [`<password>${SECRET}</password>`, true],
])('text goes as a whole where it shows a value by its name: %s', (text, goes) => {
  expect(new Privacy({ REDACT: ['password'] }).text(text)).toBe(goes ? '[redacted]' : text)
})

test('what a star stands for may have dashes in it, and blanks where the key is quoted', () => {
  const privacy = new Privacy({ REDACT: ['pass*'] })
  expect(privacy.text(`{'pass-code': '${SECRET}'}`)).toBe('[redacted]')
  expect(privacy.text(`{"pass code": "${SECRET}"}`)).toBe('[redacted]')
  expect(privacy.text("{'bypass': 1}")).toBe("{'bypass': 1}")
})

test('an event without its values is an event, whatever it carries them in', () => {
  const privacy = new Privacy({ REDACT: ['token', 'export.login:0'] })
  const outcome = {
    status: 'FAILURE',
    result: { exc_type: 'ValueError', exc_message: [[`token='${SECRET}'`]], exc_module: 'm' },
    traceback: `token='${SECRET}'`,
  }
  const { fields } = eventEntry(
    {
      type: 'x',
      timestamp: 1,
      name: 'export.login',
      args: [SECRET],
      kwargs: {},
      more: { text: `token=${SECRET}` },
      outcome,
    },
    privacy,
  )
  expect(fields).not.toContain(SECRET)
  expect(fields).toContain('ValueError')
})

test('text that shows the arguments of a task whose arguments are counted goes as a whole', () => {
  const privacy = new Privacy({ REDACT: ['export.login:0'] })
  expect(privacy.argumentsText(`('${SECRET}',)`, 'export.login')).toBe('[redacted]')
  expect(privacy.argumentsText("('a',)", 'export.other')).toBe("('a',)")
  const each = `{'task': {'task': 'export.login', 'args': ()}, 'it': [('${SECRET}',)]}`
  expect(privacy.argumentsText(each, 'celery.starmap')).toBe('[redacted]')
  const other = each.replace('login', 'other')
  expect(privacy.argumentsText(other, 'celery.starmap')).toBe(other)
})

test('results and fields of events are redacted by their keys', () => {
  const privacy = new Privacy({ REDACT: ['token'] })
  expect(privacy.value({ user: { token: SECRET, name: 'a' } })).toEqual({
    user: { token: '[redacted]', name: 'a' },
  })
})

test('what an error says of itself is text', () => {
  const privacy = new Privacy({ REDACT: ['token'] })
  const error = (text: string) => ({
    exc_type: 'ValueError',
    exc_message: [text, 7],
    exc_module: null,
  })
  expect(privacy.outcome(error(`token='${SECRET}'`))).toEqual(error('[redacted]'))
  expect(privacy.outcome(error('no token'))).toEqual(error('no token'))
})

const LONG = 'ä'.repeat(700)

test.each([
  ['args', { args: [LONG], kwargs: { slug: 'a' } }],
  ['kwargs', { args: [1], kwargs: { text: LONG } }],
] as const)(
  'long %s are shown by their beginning, and kept whole in the message',
  (which, call) => {
    const given = message(call)
    const { task, message: row } = read(given, [], { PAYLOAD_LIMIT_BYTES: 1000 })
    const marker = JSON.parse(task?.[which] ?? '')
    expect(marker).toMatchObject({
      __truncated__: true,
      bytes: Buffer.byteLength(JSON.stringify(call[which])),
    })
    expect(JSON.stringify(call[which]).startsWith(marker.preview)).toBe(true)
    const other = which === 'args' ? 'kwargs' : 'args'
    expect(task?.[other]).toBe(JSON.stringify(call[other]))
    expect(row.body).toBe(given.body)
  },
)

test('a long body is not kept where the setting says so', () => {
  const given = message({ args: [LONG] })
  const stored = read(given, [], { PAYLOAD_LIMIT_BYTES: 1000, KEEP_LARGE_BODIES: false })
  expect(stored.message).toMatchObject({
    body: Buffer.alloc(0),
    altered: { dropped: given.body.length },
  })
  expect(
    read(message({ args: [LONG, 1] }), [], { PAYLOAD_LIMIT_BYTES: 1000, KEEP_LARGE_BODIES: false })
      .message.digest,
  ).not.toBe(stored.message.digest)
})

const QUEUES = new WorkQueues(config.topology(), config.platformQueue)

function read(given: Message, rules: readonly string[], settings = {}): MirrorRecord {
  const privacy = new Privacy({ REDACT: rules, ...settings })
  const stored = mirrorRecordOf(delivery(given, EXPORT), QUEUES, { privacy })
  if (stored instanceof Promise) throw new Error('not compressed, so read at once')
  return stored
}

/** All that is to be stored. */
function textOf({ message: row, task, problem }: MirrorRecord): string {
  return JSON.stringify({ row: { ...row, body: row.body.toString('latin1') }, task, problem })
}

function signature(kwargs: object, args: readonly unknown[] = []) {
  return {
    task: 'export.step',
    args,
    kwargs: { ...kwargs },
    options: {},
    subtask_type: null,
    immutable: false,
  }
}

/** A task of Celery's own that calls another with each item. */
function each(task: string, it: readonly unknown[]): Partial<TaskCall> {
  return { task, kwargs: { task: signature({}), it } }
}

/** As Python shows them. */
function shownAs({ args = [], kwargs = {} }: Partial<TaskCall>) {
  return { argsrepr: JSON.stringify(args), kwargsrepr: JSON.stringify(kwargs) }
}
