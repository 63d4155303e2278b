import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { PostgresLeases } from '../../src/leases/postgres-leases.ts'
import { leaseContract } from '../contracts/lease-contract.ts'
import { freshDatabase, migratedDatabase } from '../support/postgres.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { PROJECT } from '../support/services.ts'
import { waitFor } from '../support/wait-for.ts'

leaseContract(async () => new PostgresLeases(await opened(await migratedDatabase())))

test('a database without the table gets the advice to migrate', async () => {
  const leases = new PostgresLeases(await opened(await freshDatabase()))
  await expect(leases.acquire('job', { holdMs: 1_000 })).rejects.toMatchObject({
    code: 'DATABASE_BEHIND',
    message: expect.stringContaining('celery-toolbox migrate up'),
  })
})

test('a holder keeps the name from others while its transaction is open, even past its time', async () => {
  const database = await opened(await migratedDatabase())
  const leases = new PostgresLeases(database)
  const lease = await leases.acquire('job', { holdMs: 1_000 })
  await database.transaction(async (transaction) => {
    await lease?.confirm(transaction)
    await transaction.query('SELECT pg_sleep(1.1)')
    expect(lease?.lost.aborted).toBe(true)
    expect(await leases.acquire('job', { holdMs: 1_000 })).toBeUndefined()
  })
  expect(await leases.acquire('job', { holdMs: 1_000 })).toMatchObject({ epoch: 2 })
})

test.each([
  { where: 'between two writes', mode: 'between', line: /holds epoch 1/ },
  { where: 'within a transaction that writes', mode: 'inside', line: /inside/ },
])(
  'a holder suspended $where writes nothing once another process works',
  async ({ mode, line }) => {
    const url = await migratedDatabase()
    const database = await opened(url)
    await database.query('CREATE TABLE written (id serial PRIMARY KEY, writer text, epoch int)')
    const first = startHolder(url, 'first', mode)
    await first.waitForLine(line)
    await waitFor('a first write', async () => (await writesOf(database, 'first')) > 0)
    first.kill('SIGSTOP')
    const second = startHolder(url, 'second', 'between')
    await second.waitForLine(/holds epoch 2/)
    await waitFor('writes of the second', async () => (await writesOf(database, 'second')) > 3)
    const before = await writesOf(database, 'first')
    first.kill('SIGCONT')
    await first.waitForLine(/refused/)
    expect(await writesOf(database, 'first')).toBe(before)
    await waitFor('more writes of the second', async () => (await writesOf(database, 'second')) > 8)
  },
)

function startHolder(url: string, writer: string, mode: string): Process {
  const program = join(PROJECT, 'test/leases/holding-process.ts')
  return startProcess(process.execPath, ['--import', 'tsx', program, writer, mode], {
    env: { DATABASE_URL: url },
  })
}

async function writesOf(database: Database, writer: string): Promise<number> {
  const [row] = await database.query<{ writes: number }>(
    'SELECT count(*)::int AS writes FROM written WHERE writer = $1',
    [writer],
  )
  return row?.writes ?? 0
}

async function opened(url: string): Promise<Database> {
  const database = await openDatabase({ url })
  onTestFinished(() => database.close())
  return database
}
