import { expect, onTestFinished, test } from 'vitest'
import { DatabaseWatch } from '../../../src/cli/health/database-watch.ts'
import type { Connection } from '../../../src/database/database.ts'
import { waitFor } from '../../support/wait-for.ts'

test('a database that refuses is away from then on, until it answers again', async () => {
  const place = { isAway: false, asked: 0 }
  const database: Connection = {
    query: () => {
      place.asked += 1
      return place.isAway ? Promise.reject(new Error('refused')) : Promise.resolve([])
    },
  }
  const watch = new DatabaseWatch(database, { everyMs: 1 })
  onTestFinished(() => watch.stop())
  watch.start()
  await waitFor('answers', () => place.asked > 2)
  expect(watch.awayMs).toBe(0)
  place.isAway = true
  await waitFor('the absence', () => watch.awayMs > 10)
  place.isAway = false
  await waitFor('the end of it', () => watch.awayMs === 0)
})
