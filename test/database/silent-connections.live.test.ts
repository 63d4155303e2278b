import { expect, onTestFinished, test } from 'vitest'
import { migrations } from '../../migrations/index.ts'
import { deferred } from '../../src/async/deferred.ts'
import { migrateDown, migrateUp } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { TcpProxy } from '../faults/harness/proxy.ts'
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

test('a COPY on a connection that has fallen silent is given up, though the server waits for its rows', async () => {
  const { url, swallowAnswers } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url, silentMs: 300 })
  onTestFinished(() => database.close())
  const given = database.transaction(async ({ query, copyFrom }) => {
    await query('create temporary table copied (n text)')
    swallowAnswers()
    await copyFrom('copy copied from stdin', [Buffer.from('1\n')])
  })
  await expect(given).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
})

test('a migration on a connection that has fallen silent is given up, and the next run has all of it to do', async () => {
  const direct = await freshDatabase()
  const way = await silenceable(direct, 5432)
  const given = migrateUp(way.url, { silentMs: 300, onProgress: way.swallow })
  await expect(given).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  // The server hears of the loss: until then it keeps the session, and with it the lock.
  way.drop()
  expect(await migrateUp(direct)).toHaveLength(migrations.length)
})

test('a step of a migration that the server works on may take as long as it takes', async () => {
  const way = await silenceable(await freshDatabase(), 5432)
  await migrateUp(way.url)
  const database = await openDatabase({ url: way.url })
  onTestFinished(() => database.close())
  const [isHeld, letGo] = [deferred(), deferred()]
  const holding = database.transaction(async ({ query }) => {
    await query('lock table monitor.task in access share mode')
    isHeld.resolve()
    await letGo.promise
  })
  await isHeld.promise
  const before = way.connections()
  const undone = migrateDown(way.url, { silentMs: 100 })
  const asked = (): number => way.connections() - before - 1
  await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThan(2)
  letGo.resolve()
  await holding
  expect(await undone).toHaveLength(1)
})

test('a statement that the server works on may take as long as it takes', async () => {
  const database = await openDatabase({ url: await freshDatabase(), silentMs: 200 })
  onTestFinished(() => database.close())
  expect(await database.query('select 1 as n from pg_sleep(1.5)')).toEqual([{ n: 1 }])
})

test('a connection that listens and has fallen silent is replaced', async () => {
  const direct = await freshDatabase()
  const way = await silenceable(direct, 5432)
  const database = await openDatabase({ url: way.url, silentMs: 300 })
  const other = await openDatabase({ url: direct })
  onTestFinished(async () => {
    await Promise.all([database.close(), other.close()])
  })
  const heard: string[] = []
  await database.listen('news', (text) => heard.push(text))
  way.swallow()
  await expect
    .poll(
      async () => {
        await other.query("select pg_notify('news', 'told')")
        return heard.length
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBeGreaterThan(0)
})

test('a database that listens is closed though its connections have fallen silent', async () => {
  const { url, swallow } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url })
  await database.listen('news', () => undefined)
  swallow()
  await database.close()
})

test('a database is closed though its connections have fallen silent', async () => {
  const { url, swallow } = await silenceable(await freshDatabase(), 5432)
  const database = await openDatabase({ url })
  const asked = database.query('select pg_sleep(0.1)')
  swallow()
  const [outcome] = await Promise.allSettled([asked, database.close()])
  expect(outcome.status).toBe('rejected')
})

test('a database is closed though it is connecting to a server that is silent: no socket is left', async () => {
  const direct = await freshDatabase()
  const proxy = await TcpProxy.before(direct)
  onTestFinished(() => proxy.close())
  const database = await openDatabase({ url: proxy.urlFor(direct), connectTimeoutMs: 600_000 })
  await database.listen('news', () => undefined)
  const held = database.transaction(async () => await asked)
  proxy.silence(true)
  const asked = database.query('select 1') // over a connection of its own
  void database.query('select 2').catch(() => undefined)
  await expect.poll(() => proxy.connections).toBe(4)
  await database.close()
  await expect(asked).rejects.toMatchObject({ code: expect.stringContaining('DATABASE_') })
  await expect(held).rejects.toThrow()
  await expect.poll(() => proxy.connections).toBe(0)
})
