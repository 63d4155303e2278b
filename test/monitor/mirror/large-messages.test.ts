import { expect, test } from 'vitest'
import { mirrorRecordOf } from '../../../src/monitor/mirror/mirror-record.ts'
import { WorkQueues } from '../../../src/monitor/mirror/work-queues.ts'
import { compressMessage } from '../../../src/protocol/compressed-message.ts'
import { config, delivery, EXPORT, message } from '../messages.ts'

const QUEUES = new WorkQueues(config.topology(), config.platformQueue)

test('a large message is read while the event loop goes on, and its row shows how it begins', async () => {
  const given = message({ args: [Array.from({ length: 1_500_000 }, (_, at) => at)] })
  let turns = 0
  const counting = setInterval(() => (turns += 1), 1)
  const { task, problem } = await mirrorRecordOf(delivery(given, EXPORT), QUEUES)
  clearInterval(counting)
  expect(problem).toBeNull()
  expect(JSON.parse(task?.args ?? '')).toMatchObject({
    __truncated__: true,
    bytes: given.body.length,
  })
  expect(turns).toBeGreaterThan(1)
})

test('a message with more values than the limit is kept aside with the figures', async () => {
  const given = await compressMessage(message({ args: Array(200_000).fill({}) }), 'zlib')
  const limits = { maxBytes: 10_000_000, maxNodes: 100_000 }
  const {
    task,
    problem,
    message: row,
  } = await mirrorRecordOf(delivery(given, EXPORT), QUEUES, { limits })
  expect(task).toBeNull()
  expect(problem).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    reason: expect.stringContaining('100000 values'),
  })
  expect(row.body).toBe(given.body)
})
