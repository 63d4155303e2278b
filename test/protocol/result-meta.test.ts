import { describe, expect, test } from 'vitest'
import { decodeJson } from '../../src/codecs/json/json.ts'
import { decodeResultMeta, encodeResultMeta } from '../../src/protocol/results/result-meta.ts'
import { RESULT_CATEGORIES } from './covered.ts'
import { messagesIn, readRecording, recordingsOf } from './recorded.ts'

interface ReadingCase {
  readonly label: string
  readonly message_body: Readonly<Record<string, unknown>>
}

type Meta = Readonly<Record<string, unknown>>

/** Recordings of these categories that hold no result in JSON. */
const NO_RESULT = [
  'compat52-chain',
  'compat52-chord-database',
  'compat52-db',
  'compat52-events',
  'compat52-group',
  'compat52-json-bytes',
  'compat52-json-types',
  'compat52-malformed-message-matrix',
  'compat52-task',
  'compat52-task-countdown-expires',
  'redis-group-saved',
  'retry-autoretry-backoff',
  'retry-default-delay',
  'retry-in-chain',
  'retry-rich',
  'retry-third',
  'retry-topic-exchange',
  'rpc-result-ignore',
  'worker-chain-immutable-step',
  'worker-chain-into-group',
  'worker-chain-options',
  'worker-chain-stamped',
  'worker-chain-steps',
  'worker-errback-old-style',
  'worker-errback-unregistered',
  'worker-link-callback',
  'worker-link-two',
  'worker-replace',
  'worker-spawn',
]

const recordings = recordingsOf(RESULT_CATEGORIES)
const metas = recordings.flatMap((name) =>
  metasIn(name).map((meta, index): [string, Meta] => [`${name}.${index}`, meta]),
)

test('every recording about results has one, or is known to have none', () => {
  const without = recordings.filter((name) => metasIn(name).length === 0)
  expect(new Set(without)).toEqual(new Set(NO_RESULT))
})

describe('a result that Python kept is read, and written the same again', () => {
  test.each(metas)('%s', (_, meta) => {
    const again = encodeResultMeta(decodeResultMeta(meta))
    expect(again).toEqual({ ...meta, date_done: toMilliseconds(meta.date_done) })
    // Celery 5.2 left date_done out of what RPC carries.
    if ('date_done' in meta) expect(Object.keys(again)).toEqual(Object.keys(meta))
  })
})

test('a failed result holds the exception, a retried one may hold none', () => {
  expect(decodeResultMeta(metasIn('rpc-result-failure-custom')[0])).toMatchObject({
    status: 'FAILURE',
    result: { excType: 'CustomError', excModule: 'proj.app', excMessage: [42, 'bad thing'] },
    traceback: expect.stringContaining('CustomError'),
  })
  expect(decodeResultMeta(metasIn('rpc-result-retry-no-exc').at(-1))).toMatchObject({
    status: 'RETRY',
    result: null,
  })
})

describe('results of every shape are read without harm', () => {
  const { cases } = readRecording<{ cases: readonly ReadingCase[] }>('result-reading-rpc')

  test.each(cases.map((one): [string, ReadingCase] => [one.label, one]))('%s', (label, one) => {
    if (label === 'no task_id') {
      expect(() => decodeResultMeta(one.message_body)).toThrow('task_id is undefined')
      return
    }
    const { status, result } = decodeResultMeta(one.message_body)
    expect({ status, result }).toEqual({
      status: one.message_body.status,
      result: EXPECTED_RESULTS[label] ?? 5,
    })
  })
})

const EXPECTED_RESULTS: Readonly<Record<string, unknown>> = {
  'failure, builtin': exception('TypeError', 'builtins', ['no good']),
  'failure, exc_message string': exception('TypeError', 'builtins', ['no good']),
  'failure, exc_message null': exception('TypeError', 'builtins', [null]),
  'failure, unknown type and module': exception('NodeError', 'node.errors', ['x']),
  'failure, module null': exception('NodeError', null, ['x']),
  'failure, no exc_module': exception('NodeError', null, ['x']),
  'failure, no exc_type': exception('Exception', 'builtins', ["{ message: 'x' }"]),
  'failure, result is a string': exception('Exception', 'builtins', ['boom']),
  'failure, result null': expect.toSatisfy((value) => value === null),
  'failure, dotted exc_type': exception('Outer.Inner', 'proj.app', ['x']),
  'failure, exc_type is not an exception': exception('system', 'os', ['true']),
  'failure, wrong number of constructor arguments': exception('CustomError', 'proj.app', [
    'only one',
  ]),
  'failure, KeyError style name Error': exception('Error', 'builtins', ['x']),
  revoked: exception('TaskRevokedError', 'celery.exceptions', ['revoked']),
  'retry state': exception('TypeError', 'builtins', ['no good']),
}

test.each([
  [null, 'the result is null, expected an object'],
  [{ task_id: 'x', status: 5 }, 'status is 5, expected a state'],
  [{ task_id: 'x', status: 'SUCCESS', date_done: 'soon' }, "date_done is 'soon'"],
])('%j is no result', (value, message) => {
  expect(() => decodeResultMeta(value)).toThrow(message)
})

function exception(excType: string, excModule: string | null, excMessage: unknown[]) {
  return { excType, excModule, excMessage }
}

/** Ours are kept in Dates, which end at the millisecond. */
function toMilliseconds(date: unknown): unknown {
  if (typeof date !== 'string') return null
  return date.replace(/\.(\d{3})\d{3}/, '.$1000').replace('.000000', '')
}

function metasIn(recording: string): Meta[] {
  return [...sentIn(recording), ...storedIn(recording)].filter(
    (meta) => 'status' in meta && 'task_id' in meta,
  )
}

function sentIn(recording: string): Meta[] {
  return messagesIn(recording)
    .filter(({ message }) => message.headers.task === undefined)
    .map(({ message }) => decodeJson(message.body.toString()) as Meta)
}

function storedIn(recording: string): Meta[] {
  const { redis_keys: keys = {}, published = [] } = readRecording<RedisRecording>(recording)
  const values = Object.entries(keys)
    .filter(([key]) => key.startsWith('celery-task-meta-'))
    .map(([, { value }]) => value)
  return [...values, ...published.map(({ data }) => data)].map((text) => decodeJson(text) as Meta)
}

interface RedisRecording {
  readonly redis_keys?: Readonly<Record<string, { readonly value: string }>>
  readonly published?: readonly { readonly data: string }[]
}
