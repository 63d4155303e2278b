import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { TaskCall } from '../../src/protocol/tasks/task-request.ts'
import { message } from './messages.ts'
import { openPlace, type Place, recorded, startMonitor } from './monitored.ts'

const RUNS = 4
/** All that does not tell when rows were written. */
const TASKS = `
  select to_jsonb(task) - 'published_at' - 'updated_at' as row from monitor.task order by task_id`
const MESSAGES = `
  select encode(digest, 'hex') as digest, task_id, routing_key, queue, headers, properties, encode(body, 'hex') as body
  from monitor.message order by digest`

test('200 messages shuffled, repeated and cut into any batches make the same tables as once in order', async () => {
  const place = await openPlace()
  const messages = family()
  expect(messages).toHaveLength(200)
  const inOrder = await tablesAfter(place, messages, 1000)
  const arrivals = fc.tuple(
    fc
      .tuple(
        ...messages.map((one) =>
          fc.integer({ min: 1, max: 3 }).map((times) => Array(times).fill(one)),
        ),
      )
      .chain((repeated) => {
        const all: Message[] = repeated.flat()
        return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })
      }),
    fc.constantFrom(1, 7, 50, 1000),
  )
  await fc.assert(
    fc.asyncProperty(arrivals, async ([shuffled, batchSize]) => {
      expect(await tablesAfter(place, shuffled, batchSize)).toEqual(inOrder)
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
}, 120_000)

/** Tasks with retries, with children, replaced ones, and some that were sent twice by mistake under one id. */
function family(): Message[] {
  const calls: Partial<TaskCall>[] = []
  for (let at = 0; at < 40; at += 1) {
    const id = `task-${at}`
    const parent = at === 0 ? {} : { parentId: `task-${at >> 1}` }
    const call = { id, rootId: 'task-0', args: [at], ...parent }
    const eta = '2031-01-01T00:00:00+00:00'
    calls.push(
      { ...call, eta },
      { ...call, retries: 1, args: [at, 'again'], parentId: id },
      {
        ...call,
        retries: 2,
        parentId: id,
        eta,
        headers: { creator_id: 'someone', is_result: true },
      },
      { ...call, retries: 2, replacedTaskNesting: 1, task: 'export.other', groupIndex: at },
      { ...call, retries: at % 3, args: ['sent by mistake'], group: 'group' },
    )
  }
  return calls.map((call) => message({ replyTo: 'replies', ...call }))
}

async function tablesAfter(
  place: Place,
  messages: readonly Message[],
  batchSize: number,
): Promise<unknown> {
  await place.database.query('truncate monitor.task, monitor.message')
  await place.publish(messages)
  const monitor = await startMonitor(place, { batchSize })
  await recorded([monitor], messages.length)
  await monitor.stop()
  return await tables(place.database)
}

async function tables(database: Database): Promise<unknown> {
  return { tasks: await database.query(TASKS), messages: await database.query(MESSAGES) }
}
