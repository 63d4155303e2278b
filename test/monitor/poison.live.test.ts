import { randomBytes, randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { expandMessage } from '../../src/protocol/compressed-message.ts'
import type { Message } from '../../src/protocol/message.ts'
import { decodeTask } from '../../src/protocol/tasks/decode-task.ts'
import { message } from './messages.ts'
import { counts, openPlace, recorded, startMonitor } from './monitored.ts'
import { Chance, poisoned } from './poison.ts'

const COUNT = 10_000

test('10,000 spoilt messages among 10,000 good ones: each good one is a row, each spoilt one is kept with its reason', async () => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31))
  console.log(`SEED=${seed}`)
  const place = await openPlace()
  const good = Array.from({ length: COUNT }, (_, at) =>
    message({ id: `good-${at}`, args: [at], kwargs: { text: 'ä\u0001"' } }),
  )
  const { spoilt, harmless } = await poison(seed)
  const monitor = await startMonitor(place)
  for (let at = 0; at < COUNT; at += 1_000) {
    const some = good.slice(at, at + 1_000)
    await place.publish(some.flatMap((one, next) => [one, spoilt[at + next] ?? one]))
  }
  await place.publish(harmless)
  await recorded([monitor], 2 * COUNT + harmless.length)

  const { messages, quarantined } = await counts(place.database)
  expect({ messages, quarantined }).toEqual({
    messages: COUNT + harmless.length,
    quarantined: COUNT,
  })
  const [rows] = await place.database.query(
    `select count(*) filter (where args = jsonb_build_array(substr(task_id, 6)::int)
       and kwargs = '{"text": "ä\\u0001\\""}' and queue = 'export' and state = 'PENDING') as right
     from monitor.task where task_id like 'good-%'`,
  )
  expect(rows).toEqual({ right: COUNT })
  const kept = await place.database.query<{ body: string; code: string; reason: string }>(
    "select encode(body, 'hex') as body, code, reason from monitor.quarantine",
  )
  expect(kept.filter(({ code, reason }) => !/^[A-Z_]+$/.test(code) || reason.length < 10)).toEqual(
    [],
  )
  expect(kept.map(({ body }) => body).toSorted(byText)).toEqual(
    spoilt.map(({ body }) => body.toString('hex')).toSorted(byText),
  )
  expect(
    new Set(kept.map(({ reason }) => reason.replace(/[^a-z ]/gi, '').slice(0, 30))).size,
  ).toBeGreaterThan(20)
  await monitor.stop()
  expect(await place.waiting()).toBe(0)
})

/** As many that no worker could read as there are good ones; those that turned out harmless apart. */
async function poison(seed: number): Promise<{ spoilt: Message[]; harmless: Message[] }> {
  const chance = new Chance(seed)
  const spoilt = GIANT_IDS.map((id) => message({ id, correlationId: 'short' }))
  const harmless: Message[] = []
  for (let at = 0; spoilt.length < COUNT; at += 1) {
    const one = poisoned(`spoilt-${at}`, chance)
    const isReadable = await canBeRead(one)
    if (!isReadable) spoilt.push(one)
    else if (harmless.length < 2_000) harmless.push(one)
  }
  return { spoilt, harmless }
}

/** Longer than an index of PostgreSQL can hold; there is nothing else against them. */
const GIANT_IDS = Array.from({ length: 3 }, () => randomBytes(5_000).toString('hex'))

async function canBeRead(one: Message): Promise<boolean> {
  try {
    decodeTask(await expandMessage(one), ['json', 'yaml', 'msgpack'])
    return true
  } catch {
    return false
  }
}

function byText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}
