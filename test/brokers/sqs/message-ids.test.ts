import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { messageIds, sentOf } from '../../../src/brokers/sqs/sending/message-ids.ts'
import { EVENTS_HEADER } from '../../../src/protocol/events/events.ts'

const MIRROR = { isFifo: true, isMirror: true }
const FIFO_WORK = { isFifo: true, isMirror: false }
const STANDARD = { isFifo: false, isMirror: false }

test('the mirror groups by root and knows a copy by id, retries and kind; a work copy adds -work', () => {
  const sent = sentOf(task({ id: 'i', root_id: 'r', retries: 2 }), {})
  expect(messageIds(sent, MIRROR)).toEqual({ groupId: 'r', deduplicationId: 'i-2-task' })
  expect(messageIds(sent, FIFO_WORK)).toEqual({ groupId: 'r', deduplicationId: 'i-2-task-work' })
  expect(messageIds(sent, STANDARD)).toEqual({})
})

test('a fairness key groups work, and leaves the mirror its root', () => {
  const sent = sentOf(task({ id: 'i', root_id: 'r', retries: 0 }), { groupKey: 'tenant' })
  expect(messageIds(sent, STANDARD)).toEqual({ groupId: 'tenant' })
  expect(messageIds(sent, FIFO_WORK)).toMatchObject({ groupId: 'tenant' })
  expect(messageIds(sent, MIRROR)).toMatchObject({ groupId: 'r' })
  const carried = sentOf(task({ id: 'i', fairness_key: 'tenant' }), {})
  expect(messageIds(carried, STANDARD)).toEqual({ groupId: 'tenant' })
})

test('ids that SQS would refuse are hashed', () => {
  for (const id of ['ü', 'x'.repeat(200), 'a b']) {
    const { groupId, deduplicationId } = messageIds(sentOf(task({ id, root_id: id }), {}), MIRROR)
    expect(groupId).toBe(createHash('sha256').update(id).digest('hex'))
    expect(deduplicationId).toBe(createHash('sha256').update(`${id}-0-task`).digest('hex'))
  }
})

test('what has the id of another message is not taken for it: a replacement, a dead letter', () => {
  const plain = { id: 'i', root_id: 'r', retries: 0 }
  const ids = [
    plain,
    { ...plain, replaced_task_nesting: 1 },
    { ...plain, 'x-dlq-time': '2026-01-01T00:00:00Z' },
  ].map((headers) => messageIds(sentOf(task(headers), {}), MIRROR).deduplicationId)
  expect(new Set(ids).size).toBe(3)
})

test('events have ids of their own, the same for each try of one publish', () => {
  const event = { headers: { [EVENTS_HEADER]: 1 }, properties: {}, body: Buffer.alloc(0) }
  const sent = sentOf(event, {})
  const ids = messageIds(sent, MIRROR)
  expect(ids).toEqual(messageIds(sent, MIRROR))
  expect(ids.deduplicationId).toMatch(/-0-event$/)
  expect(messageIds(sentOf(event, {}), MIRROR)).not.toEqual(ids)
})

function task(headers: Readonly<Record<string, unknown>>) {
  return { headers: { task: 'export.add', ...headers }, properties: {}, body: Buffer.alloc(0) }
}
