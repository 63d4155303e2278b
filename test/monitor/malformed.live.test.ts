import { expect, test } from 'vitest'
import { ProtocolError } from '../../src/errors.ts'
import { expandMessage } from '../../src/protocol/compressed-message.ts'
import type { Message } from '../../src/protocol/message.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { malformedCases, messageOf } from '../protocol/malformed-matrix.ts'
import { message } from './messages.ts'
import { counts, openPlace, recorded, startMonitor } from './monitored.ts'

test('of every imperfect message Python was tried with, the readable are tasks, the others quarantined with the reason', async () => {
  const place = await openPlace()
  const cases = await Promise.all(
    malformedCases().map(async (one, at) => withError(messageOf(one), at)),
  )
  const readable = cases.filter(({ error }) => error === null)
  const unreadable = cases.filter(({ error }) => error !== null)
  expect([cases.length, unreadable.length > 30]).toEqual([98, true])
  const good = cases.map((_, at) => message({ id: `good-${at}` }))
  // Each between two good ones, so that all share batches.
  await place.publish(cases.flatMap((one, at) => [good[at] ?? message(), one.message]))
  const monitor = await startMonitor(place, { batchSize: 50 })
  await recorded([monitor], cases.length * 2)

  const kept = await place.database.query<{ body: Buffer; code: string; reason: string }>(
    'select body, code, reason from monitor.quarantine',
  )
  const shown = (body: Buffer, code: string, reason: string) =>
    `${code} ${reason} ${body.toString('hex')}`
  expect(new Set(kept.map(({ body, code, reason }) => shown(body, code, reason)))).toEqual(
    new Set(
      unreadable.map(({ message: { body }, error }) =>
        shown(body, error?.code ?? '', error?.message ?? ''),
      ),
    ),
  )
  const rows = await place.database.query<{ task_id: string }>('select task_id from monitor.task')
  const ids = rows.map(({ task_id }) => task_id)
  expect(ids).toEqual(expect.arrayContaining(good.map(({ headers }) => headers.id)))
  expect(await counts(place.database)).toMatchObject({
    messages: good.length + readable.length,
    quarantined: unreadable.length,
  })
  await monitor.stop()
  expect(await place.waiting()).toBe(0)
})

/** Each has an id of its own, where it has one at all, and the error that reading it gives. */
async function withError(given: Message, at: number) {
  const hasId = typeof given.headers.id === 'string'
  const headers = hasId ? { ...given.headers, id: `case-${at}` } : given.headers
  const own = { ...given, headers, properties: { ...given.properties, messageId: `case-${at}` } }
  return { message: own, error: await errorOf(own) }
}

async function errorOf(given: Message): Promise<ProtocolError | null> {
  try {
    decodeTask(await expandMessage(given), ['json', 'yaml', 'msgpack'])
    return null
  } catch (error) {
    if (error instanceof ProtocolError) return error
    throw error
  }
}
