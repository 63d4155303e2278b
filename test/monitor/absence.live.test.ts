import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { waitFor } from '../support/wait-for.ts'
import { config, message } from './messages.ts'
import { counts, openPlace, type Place, recorded, startMonitor } from './monitored.ts'
import { databaseOnSmallDisk, ownPostgres } from './own-postgres.ts'

/** A minute in the nightly run: FAULT_SECONDS=60. */
const AWAY_MS = 1_000 * Number(process.env.FAULT_SECONDS ?? 4)

test(
  'PostgreSQL is stopped in the middle of the work for a while: nothing is lost or doubled, and the log says how far behind the record is',
  async () => {
    const server = await ownPostgres()
    const place = await placeOn(server.url)
    let batches = 0
    const monitor = await startMonitor(place, {
      batchSize: 40,
      prefetch: 200,
      onBatch: () => {
        batches += 1
      },
    })
    const publishing = publishSlowly(place, 3_000)
    await waitFor('some batches', () => batches >= 5)
    await server.stop()
    const stoppedAt = performance.now()
    await publishing
    await waitFor('the absence', () => monitor.stats().isDatabaseAway)
    const before = monitor.stats()
    await waitFor('a while', () => performance.now() - stoppedAt > AWAY_MS, {
      deadlineMs: AWAY_MS + 5_000,
    })
    const behind = monitor.stats()
    expect(behind).toMatchObject({ isDatabaseAway: true, messages: before.messages })
    expect(behind.lagMs).toBeGreaterThan(before.lagMs)
    const { messages: queued, consumers } = await place.broker.depth(config.platformQueue)
    expect([queued > 1_000, consumers]).toEqual([true, 0])
    await server.start()
    await recorded([monitor], 3_000)
    expect(monitor.stats()).toMatchObject({ isDatabaseAway: false, lagMs: 0, quarantined: 0 })
    expect(await counts(place.database)).toMatchObject({ tasks: 3_000, messages: 3_000 })
    await monitor.stop()
    expect(await place.waiting()).toBe(0)
  },
  AWAY_MS + 60_000,
)

test('a full disk is an absence too: no message is blamed for it, and all are recorded once there is room', async () => {
  const server = await ownPostgres()
  const disk = await databaseOnSmallDisk(server)
  const place = await placeOn(disk.url)
  const monitor = await startMonitor(place, { batchSize: 50 })
  await place.publish(large(20))
  await recorded([monitor], 20)
  await disk.fill()
  await place.publish(large(300))
  await waitFor('a full disk', () => monitor.stats().isDatabaseAway)
  expect(monitor.stats()).toMatchObject({
    quarantined: 0,
    lastError: expect.stringMatching(/No space left/),
  })
  await disk.free()
  await recorded([monitor], 320)
  expect(await counts(place.database)).toMatchObject({ tasks: 320, messages: 320, quarantined: 0 })
  expect(monitor.stats().isDatabaseAway).toBe(false)
})

/** A broker place with its tables on another server. */
async function placeOn(url: string): Promise<Place> {
  const place = await openPlace()
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  await migrateUp(url)
  return { ...place, database }
}

async function publishSlowly(place: Place, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 100) {
    await place.publish(Array.from({ length: 100 }, (_, at) => message({ args: [sent + at] })))
  }
}

/** Of what does not compress. */
function large(count: number) {
  return Array.from({ length: count }, () =>
    message({ args: [randomBytes(15_000).toString('base64')] }),
  )
}
