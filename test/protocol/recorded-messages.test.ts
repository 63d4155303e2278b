import { describe, expect, test } from 'vitest'
import { decodeJson } from '../../src/codecs/json/json.ts'
import { Tuple } from '../../src/codecs/values.ts'
import { expandMessage } from '../../src/protocol/compressed-message.ts'
import type { Message, MessageProperties } from '../../src/protocol/message.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { encodeTask } from '../../src/protocol/tasks/encode-task.ts'
import { encodeTaskV1 } from '../../src/protocol/tasks/encode-task-v1.ts'
import type { TaskCall, TaskRequest } from '../../src/protocol/tasks/task-request.ts'
import { userHeaders } from '../../src/protocol/tasks/user-headers.ts'
import { MESSAGE_CATEGORIES } from './covered.ts'
import { messagesIn, type RecordedMessage, recordingsOf } from './recorded.ts'

const ACCEPTED = ['json', 'yaml', 'msgpack']

/** Recordings without a task message: rows, results or events, each read by another test. */
const NO_TASK_MESSAGE = [
  'chord-database-failed',
  'compat52-db',
  'compat52-events',
  'compat52-json-bytes',
  'compat52-malformed-message-matrix',
  'compat52-rpc-failure',
  'compat52-rpc-success',
  'native-delayed-run',
  'redis-failure',
  'redis-group-saved',
  'redis-success',
  'retry-exhausted',
  'retry-exhausted-no-exc',
  'routing-table',
  'worker-request-context',
]

/**
 * Here argsrepr shows what is not in the body: a text its caller chose, a list where delay() gives a tuple, tuples
 * inside of signatures.
 */
const ARGSREPR_GIVEN = [
  'beat-messages',
  'cadasta-amqp-chord',
  'canvas-chunks',
  'canvas-group-into-chain',
  'canvas-map',
  'chord-database',
  'compat52-chord-database',
  'compat52-json-types',
  'task-argsrepr-override',
  'task-send-task-by-name',
  'worker-chain-immutable-step',
]

/** Arguments as their caller had them, where JSON has made something else of them. */
const CALLERS_ARGUMENTS: Readonly<Record<string, (call: TaskCall) => Partial<TaskCall>>> = {
  'task-argsrepr-types': ({ args = [] }) => ({ args: [...args.slice(0, -1), Tuple.of(5)] }),
  'json-extended-types': ({ kwargs }) => ({ kwargs: { ...kwargs, tuple: Tuple.of(1, 2) } }),
  'json-int-keys': () => ({
    args: [
      new Map<unknown, string>([
        [1, 'a'],
        [null, 'b'],
        [1.5, 'd'],
      ]),
    ],
  }),
}

const recordings = recordingsOf(MESSAGE_CATEGORIES)
const taskMessages = recordings
  .flatMap(messagesIn)
  .filter(({ message }) => isTask(message))
  .map((recorded): [string, RecordedMessage] => [recorded.label, recorded])
const readable = taskMessages.filter(([, { vector }]) => vector !== 'body-pickle')

test('every recording about messages has a task message, or is known to have none', () => {
  const seen = new Set(taskMessages.map(([, { vector }]) => vector))
  expect(new Set(recordings.filter((name) => !seen.has(name)))).toEqual(new Set(NO_TASK_MESSAGE))
})

test('there are recordings to read', () => {
  expect(readable.length).toBeGreaterThan(100)
})

describe('a message that Python sent is read field by field', () => {
  test.each(readable)('%s', async (_, { message }) => {
    const plain = await expandMessage(message)
    const request = decodeTask(plain, ACCEPTED)
    expect(request).toEqual(expectedRequest(plain, request))
  })
})

describe('the same call gives the same message', () => {
  test.each(readable)('%s', async (_, { message, vector }) => {
    const plain = await expandMessage(message)
    const call = callOf(plain, vector)
    const sent = plain.headers.task === undefined ? encodeTaskV1(call) : encodeTask(call)
    expect(sent.properties).toEqual(plain.properties)
    expect(sent.body.toString('latin1')).toBe(plain.body.toString('latin1'))
    expect(sent.headers).toEqual(expectedHeaders(plain))
    expect(inPythonsOrder(sent)).toEqual(inPythonsOrder(plain))
  })
})

test.each([
  ['body-yaml', [1, 'é']],
  ['body-msgpack', [1, 'é', Buffer.from([0, 255])]],
])('%s holds what its caller wrote', (vector, args) => {
  const [recorded] = messagesIn(vector)
  expect(decodeTask(recorded!.message, ACCEPTED)).toMatchObject({ args, kwargs: { k: [1, 2] } })
})

test('a pickled message is refused unread, even by a worker that accepts pickle', () => {
  const [recorded] = messagesIn('body-pickle')
  expect(() => decodeTask(recorded!.message, ['json', 'pickle'])).toThrow(
    expect.objectContaining({
      code: 'CONTENT_DISALLOWED',
      message: expect.stringContaining('never executed'),
    }),
  )
})

function isTask({ headers, body }: Message): boolean {
  return headers.task !== undefined || body.toString().startsWith('{"task": ')
}

/** What the message says, read here the long way round. */
function expectedRequest(message: Message, request: TaskRequest): TaskRequest {
  const { headers, properties } = message
  const isJson = properties.contentType === 'application/json'
  const body = isJson ? decodeJson(message.body.toString()) : null
  const isV1 = headers.task === undefined
  const said = (isV1 ? { ...NOT_IN_V1, ...(body as object) } : { ...NOT_IN_52, ...headers }) as Said
  const [args, kwargs, embed] = partsOf(body, isV1, request)
  const [timeLimit, softTimeLimit] = said.timelimit as (number | null)[]
  return {
    protocol: isV1 ? 1 : 2,
    lang: said.lang,
    id: said.id,
    task: said.task,
    args,
    kwargs,
    ...{ callbacks: null, errbacks: null, chain: null, chord: null, ...embed },
    rootId: said.root_id,
    parentId: said.parent_id,
    group: said.group,
    groupIndex: said.group_index,
    shadow: said.shadow,
    eta: said.eta,
    expires: said.expires,
    retries: said.retries,
    timeLimit,
    softTimeLimit,
    origin: said.origin,
    argsrepr: said.argsrepr,
    kwargsrepr: said.kwargsrepr,
    ignoreResult: said.ignore_result,
    replacedTaskNesting: said.replaced_task_nesting,
    stampedHeaders: said.stamped_headers,
    stamps: said.stamps,
    ...{ priority: null, replyTo: null, correlationId: null, ...idsOf(properties) },
    headers,
    properties,
    deliveryInfo: { exchange: '', routingKey: '', redelivered: false }, // read without a broker
    serializer: properties.contentType?.replace(/application\/(x-)?/, ''),
  } as TaskRequest
}

type Said = Readonly<Record<string, unknown>>

const NOT_IN_52 = { replaced_task_nesting: 0, stamped_headers: null, stamps: {} }
const NOT_IN_V1 = {
  ...NOT_IN_52,
  lang: null,
  root_id: null,
  parent_id: null,
  shadow: null,
  origin: null,
  argsrepr: null,
  kwargsrepr: null,
  ignore_result: null,
}

function idsOf({
  contentType,
  contentEncoding,
  deliveryMode,
  expiration,
  ...ids
}: MessageProperties) {
  return ids
}

/** Bodies that are no JSON are compared with what their caller wrote, in a test of their own. */
function partsOf(
  body: unknown,
  isV1: boolean,
  request: TaskRequest,
): [unknown, unknown, Record<string, unknown>] {
  if (body === null) return [request.args, request.kwargs, {}]
  if (!isV1) return body as [unknown, unknown, Record<string, unknown>]
  const { args, kwargs, callbacks, errbacks, chord } = body as Record<string, unknown>
  return [args, kwargs, { callbacks, errbacks, chord }]
}

/** The call as its caller made it: what the encoder works out by itself is left out. */
function callOf(message: Message, vector: string): TaskCall {
  const request = decodeTask(message, ACCEPTED)
  const { argsrepr, kwargsrepr, correlationId, headers, protocol, lang, ...call } = request
  const { expiration, deliveryMode } = message.properties
  const made: TaskCall = {
    ...call,
    headers: userHeaders(headers),
    ...(ARGSREPR_GIVEN.includes(vector) ? { argsrepr, kwargsrepr } : {}),
    ...exactArguments(message),
    ...(expiration === undefined ? {} : { expirationMs: Number(expiration) }),
    ...(deliveryMode === 1 ? { deliveryMode } : {}),
  }
  return { ...made, ...CALLERS_ARGUMENTS[vector]?.(made) }
}

/** JavaScript has no 1.0: the caller who wants one says so with Float, which reading with keepFloats gives. */
function exactArguments({ headers, properties, body }: Message): Partial<TaskCall> {
  if (properties.contentType !== 'application/json' || headers.task === undefined) return {}
  const [args, kwargs] = decodeJson(body.toString(), { keepFloats: true }) as [
    unknown[],
    Record<string, unknown>,
  ]
  return { args, kwargs }
}

/** Ours speak JavaScript; and Celery 5.2 did not know the last three yet. */
function expectedHeaders({ headers }: Message): Record<string, unknown> {
  if (headers.task === undefined) return {}
  return { ...NOT_IN_52, ...headers, lang: 'js' }
}

function inPythonsOrder({ headers }: Message): string[] {
  const names = Object.keys(headers)
  const isOlder = names.length > 0 && !names.includes('stamps')
  return isOlder ? [...names, 'replaced_task_nesting', 'stamped_headers', 'stamps'] : names
}
