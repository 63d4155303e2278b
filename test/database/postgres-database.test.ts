import { EventEmitter } from 'node:events'
import type { Pool, PoolClient } from 'pg'
import { expect, test } from 'vitest'
import { deferred } from '../../src/async/deferred.ts'
import { PostgresDatabase } from '../../src/database/postgres-database.ts'
import { silentLogger } from '../../src/logger.ts'

test('a client that is connected after the database was closed is closed as well', async () => {
  const connecting = deferred<PoolClient>()
  const pool = Object.assign(new EventEmitter(), {
    connect: () => connecting.promise,
    end: () => Promise.resolve(),
  })
  const database = new PostgresDatabase({
    url: 'postgresql://localhost/x',
    safeUrl: 'postgresql://localhost/x',
    pool: pool as unknown as Pool, // all of it that is used
    connect: () => Promise.reject(new Error('not used')),
    open: new Set(),
    logger: silentLogger,
    onClosed: () => Promise.resolve(),
  })
  const outcome = database.query('select 1').catch((error: unknown) => error)
  await database.close()
  expect(await outcome).toMatchObject({ code: 'DATABASE_CLOSED' })
  const released = new Promise((resolve) => {
    connecting.resolve({ release: resolve } as unknown as PoolClient) // all of it that is used
  })
  expect(await released).toBe(true)
})
