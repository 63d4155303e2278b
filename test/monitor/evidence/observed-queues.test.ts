import { expect, test } from 'vitest'
import { BrokerError } from '../../../src/errors.ts'
import { ObservedQueues } from '../../../src/monitor/evidence/observed-queues.ts'

test('a queue is empty since the first of the looks that found it so without a break', async () => {
  const depths = [3, 0, 0, 1, 0]
  let nowMs = 0
  const queues = new ObservedQueues(
    { depth: async () => ({ messages: depths[nowMs] ?? 0, consumers: nowMs > 1 ? 2 : 0 }) },
    () => nowMs,
  )
  const seen: unknown[] = []
  for (nowMs = 0; nowMs < depths.length; nowMs += 1) {
    await queues.look(['export'])
    seen.push([queues.get('export')?.emptySinceMs, queues.get('export')?.consumedSinceMs])
  }
  expect(seen).toEqual([
    [null, null],
    [1, null],
    [1, 2],
    [null, 2],
    [4, 2],
  ])
})

test('a queue that is missing is empty, and a look that failed ends what was observed', async () => {
  let failure: Error = new BrokerError('QUEUE_MISSING', 'there is no queue "export"')
  let nowMs = 5
  const queues = new ObservedQueues({ depth: () => Promise.reject(failure) }, () => nowMs)
  await queues.look(['export'])
  expect(queues.get('export')).toMatchObject({ messages: 0, consumers: 0, emptySinceMs: 5 })
  failure = new BrokerError('BROKER_UNREACHABLE', 'gone')
  await expect(queues.look(['export'])).rejects.toThrow('gone')
  failure = new BrokerError('QUEUE_MISSING', 'there is no queue "export"')
  nowMs = 9
  await queues.look(['export'])
  expect(queues.get('export')?.emptySinceMs).toBe(9)
})
