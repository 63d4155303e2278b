import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/open-database.ts'
import { freshDatabase } from '../support/postgres.ts'
import { silenceable } from '../support/silenceable.ts'

test('a statement on a connection that has fallen silent is given up, and the next one goes over another', async () => {
  const { url, swallow } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url, silentMs: 300 })
  onTestFinished(() => database.close())
  await Promise.all([1, 2, 3].map(() => database.query('select pg_sleep(0.1)')))
  swallow()
  await expect(database.query('select 1')).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  expect(await database.query('select 2 as n')).toEqual([{ n: 2 }])
})

test('a transaction on a connection that has fallen silent is given up', async () => {
  const { url, swallow } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url, silentMs: 300 })
  onTestFinished(() => database.close())
  const given = database.transaction(async ({ query }) => {
    await query('select 1')
    swallow()
    await query('select 2')
  })
  await expect(given).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
})

test('a statement that the server works on may take as long as it takes', async () => {
  const database = await openDatabase({ url: await freshDatabase(), silentMs: 200 })
  onTestFinished(() => database.close())
  expect(await database.query('select 1 as n from pg_sleep(1.5)')).toEqual([{ n: 1 }])
})

test('a database is closed though its connections have fallen silent', async () => {
  const { url, swallow } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url })
  const asked = database.query('select pg_sleep(0.1)')
  swallow()
  const [outcome] = await Promise.allSettled([asked, database.close()])
  expect(outcome.status).toBe('rejected')
})
