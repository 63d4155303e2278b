import { expect, test } from 'vitest'
import { readPickle } from '../../src/codecs/pickle/pickle-reader.ts'
import { PythonObject } from '../../src/codecs/values.ts'
import { ResultText } from '../../src/results/result-text.ts'
import { resultMessage, resultOfMessage } from '../../src/results/rpc/messages.ts'
import { groupPickle, groupTuple, memberIdsOf } from '../../src/results/saved-group.ts'
import { messagesIn, readRecording, recordingsOf } from '../protocol/recorded.ts'

const replies = recordingsOf(['rpc results'])
  .flatMap(messagesIn)
  .filter(({ exchange, message }) => exchange === '' && !('task' in message.headers))

test('there are recorded replies', () => {
  expect(replies.length).toBeGreaterThan(10)
})

test.each(replies.map((reply) => [reply.label, reply] as const))(
  'the reply %s is read, and sent just so from here',
  (_label, { message }) => {
    const settings = { result_extended: message.body.includes('"worker"') }
    const result = resultOfMessage(message, settings)
    const { correlationId = null } = message.properties
    const sent = resultMessage({ ...result, correlationId }, settings)
    expect({ ...sent, body: JSON.parse(sent.body.toString()) }).toEqual({
      ...message,
      body: JSON.parse(toMilliseconds(message.body.toString())),
    })
  },
)

test.each(['redis-success', 'redis-failure'])(
  '%s: the text that Python keeps in Redis is read, and written just so from here',
  async (name) => {
    const { redis_keys } = readRecording<{ redis_keys: Record<string, { value: string }> }>(name)
    const text = new ResultText()
    const values = Object.values(redis_keys).map(({ value }) => value)
    expect(values).toHaveLength(1)
    for (const value of values) {
      const { task_id: taskId } = JSON.parse(value)
      const result = await text.decode(taskId, Buffer.from(value), 'Redis')
      expect(text.encode(result).toString()).toBe(toMilliseconds(value))
    }
  },
)

test("results survive a restart of the broker with Celery's result_persistent", () => {
  const [reply] = replies
  if (reply === undefined) throw new Error('no reply is recorded')
  const result = resultOfMessage(reply.message, {})
  expect(resultMessage(result, { result_persistent: true }).properties.deliveryMode).toBe(2)
})

test('the ids of a group that Python saved in PostgreSQL are read, and nothing in it is run', () => {
  const { row } = readRecording<{ row: { result: { bytea_hex: string } } }>('db-group-saved')
  const saved = readPickle(Buffer.from(row.result.bytea_hex, 'hex'))
  expect(memberIdsOf(saved)).toEqual([
    '0922b8f6-d095-4cee-a66b-d1076c122c81',
    'e846a405-21cb-4f39-8951-5734db8c40f9',
  ])
})

test('the ids of a group that Python saved in Redis are read, and written just so from here', () => {
  const { redis_keys } = readRecording<{ redis_keys: Record<string, { value: string }> }>(
    'redis-group-saved',
  )
  const [[key, { value }] = ['', { value: '' }]] = Object.entries(redis_keys)
  const saved = JSON.parse(value) as { readonly result: unknown }
  const memberIds = memberIdsOf(saved.result)
  expect(memberIds).toHaveLength(2)
  const groupId = key.replace('celery-taskset-meta-', '')
  expect({ result: groupTuple(groupId, memberIds ?? []) }).toEqual(saved)
})

test('the pickle of a group calls nothing but what Celery reads results with', () => {
  const saved = readPickle(groupPickle('g', ['a', 'b']))
  expect(saved).toBeInstanceOf(PythonObject)
  expect(saved).toHaveProperty('path', 'celery.result.result_from_tuple')
  expect(memberIdsOf(saved)).toEqual(['a', 'b'])
})

test('groups in a group give the ids of their tasks', () => {
  const nested = [
    ['g', null],
    [groupTuple('inner', ['a', 'b']), [['c', null], null]],
  ]
  expect(memberIdsOf(nested)).toEqual(['a', 'b', 'c'])
})

test.each([[null], ['text'], [[1, 2]], [{ result: [] }], [[['id', null], null]]])(
  '%j is no group',
  (value) => {
    expect(memberIdsOf(value)).toBeNull()
  },
)

/** As precise as a Date. */
function toMilliseconds(text: string): string {
  return text.replaceAll(/(\d\d:\d\d\.\d{3})\d{3}\+00:00/g, '$1000+00:00')
}
