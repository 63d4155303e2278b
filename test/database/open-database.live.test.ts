import { once } from 'node:events'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import { type OpenDatabaseOptions, openDatabase } from '../../src/database/open-database.ts'
import { freshDatabase } from '../support/postgres.ts'

test.each(['timestamptz', 'timestamp'])(
  'a %s that no Date can be is the first or the last that one can, and leaves as it came',
  async (type) => {
    const database = await open()
    const times = ['infinity', '294276-12-31', '-infinity', '4713-01-01 BC']
    const columns = times.map((time, at) => `'${time}'::${type} as t${at}`)
    const [row = {}] = await database.query<Record<string, Date>>(`select ${columns.join()}`)
    expect(Object.values(row).map((time) => time.getUTCFullYear())).toEqual([
      275_760, 275_760, -271_821, -4_712,
    ])
    const [again] = await database.query(`select $1::${type} = 'infinity' as "isLast"`, [row.t0])
    expect(again).toEqual({ isLast: true })
  },
)

test('a query gives its rows', async () => {
  const database = await open()
  expect(await database.query('select $1::int + 1 as sum', [2])).toEqual([{ sum: 3 }])
})

test("Celery's spelling of the url opens the same database", async () => {
  const url = (await freshDatabase()).replace(/^\w+:/, 'db+postgresql+psycopg2:')
  const database = await open({ url })
  expect(database.url).toMatch(/^postgresql:\/\//)
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
})

test('sessions are on UTC, and times without a zone are read and written as UTC', async () => {
  const database = await open()
  const at = new Date('2026-07-01T12:34:56.789Z')
  const [row] = await database.query(
    "select current_setting('TimeZone') as zone, $1::timestamp as bare, $1::timestamptz as zoned, $2::date as day",
    [at, '2026-07-01'],
  )
  expect(row).toEqual({ zone: 'UTC', bare: at, zoned: at, day: '2026-07-01' })
})

test('a bigint is a number where that is exact, else its digits', async () => {
  const database = await open()
  const [row] = await database.query('select 9007199254740991 as safe, 9007199254740993 as large')
  expect(row).toEqual({ safe: 9_007_199_254_740_991, large: '9007199254740993' })
})

test('a transaction is kept as a whole', async () => {
  const database = await withTable()
  const result = await database.transaction(async (connection) => {
    await connection.query('insert into t values (1)')
    await connection.query('insert into t values (2)')
    return 'kept'
  })
  expect(result).toBe('kept')
  expect(await database.query('select n from t')).toEqual([{ n: 1 }, { n: 2 }])
})

test('a transaction whose work throws leaves nothing, and its connection is free again', async () => {
  const database = await withTable({ poolSize: 1 })
  const failing = database.transaction(async (connection) => {
    await connection.query('insert into t values (1)')
    throw new Error('changed my mind')
  })
  await expect(failing).rejects.toThrow('changed my mind')
  expect(await database.query('select n from t')).toEqual([])
})

test('a transaction that swallows a failed statement rejects, as nothing of it was kept', async () => {
  const database = await withTable()
  const swallowing = database.transaction(async (connection) => {
    await connection.query('insert into t values (1)')
    await connection.query('insert into nowhere values (1)').catch(() => undefined)
  })
  await expect(swallowing).rejects.toThrow('relation "nowhere" does not exist')
  expect(await database.query('select n from t')).toEqual([])
})

test('more callers than connections wait for their turn', async () => {
  const database = await open({ poolSize: 2, connectTimeoutMs: 100 })
  const rows = await Promise.all(
    Array.from({ length: 6 }, () => database.query('select pg_sleep(0.1), 1 as one')),
  )
  expect(rows).toHaveLength(6)
})

test('a wrong statement fails as PostgreSQL says it', async () => {
  const database = await open()
  await expect(database.query('select nonsense')).rejects.toMatchObject({ code: '42703' })
})

test('a connection lost in a transaction is DATABASE_UNREACHABLE, and the next query gets a new one', async () => {
  const database = await withTable({ poolSize: 1 })
  const lost = database.transaction(async (connection) => {
    await connection.query('insert into t values (1)')
    await connection.query('select pg_terminate_backend(pg_backend_pid())')
  })
  await expect(lost).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
  expect(await database.query('select n from t')).toEqual([])
})

test('an idle connection that is lost is replaced', async () => {
  const database = await open()
  const [mine] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  const other = await open({ url: database.url })
  await other.query('select pg_terminate_backend($1)', [mine?.pid])
  await expect.poll(() => database.query('select 1 as one').catch(() => [])).toEqual([{ one: 1 }])
})

test('notifications arrive, also after the listening connection was lost', async () => {
  const database = await open({ applicationName: 'listening' })
  const heard: string[] = []
  const stop = await database.listen('Some channel', (text) => heard.push(text))
  const notify = (text: string) =>
    database.query('select pg_notify($1, $2)', ['Some channel', text])
  await notify('one')
  await expect.poll(() => heard).toEqual(['one'])

  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query like 'LISTEN%'`,
  )
  await expect.poll(() => notify('two').then(() => heard.at(-1)), { timeout: 5000 }).toBe('two')

  await stop()
  const [left] = await database.query(
    `select count(*) as listening from pg_stat_activity
     where datname = current_database() and query like 'LISTEN%'`,
  )
  expect(left).toEqual({ listening: 0 })
})

test('a server that is not there is DATABASE_UNREACHABLE, by its address and without the password', async () => {
  const opening = openDatabase({ url: 'postgresql://u:hush@127.0.0.1:1/d' })
  await expect(opening).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: 'cannot reach postgresql://u:***@127.0.0.1:1/d: connect ECONNREFUSED 127.0.0.1:1',
    cause: { code: 'ECONNREFUSED' },
  })
})

test('a server that never answers is given up after connectTimeoutMs', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  onTestFinished(() => void silent.close())
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const opening = openDatabase({
    url: `postgresql://u:hush@127.0.0.1:${port}/d`,
    connectTimeoutMs: 50,
  })
  await expect(opening).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' })
})

test('a closed database refuses to be used, and may be closed twice', async () => {
  const database = await open()
  await database.close()
  await database.close()
  const refused = { code: 'DATABASE_CLOSED' }
  await expect(database.query('select 1')).rejects.toMatchObject(refused)
  await expect(database.transaction(async () => 1)).rejects.toMatchObject(refused)
  await expect(database.listen('x', () => undefined)).rejects.toMatchObject(refused)
})

test('inspecting a database shows no password', async () => {
  const database = await open()
  const { password } = new URL(database.url)
  expect(inspect(database, { depth: 5, showHidden: true })).not.toContain(`:${password}@`)
  expect(database.safeUrl).toContain(':***@')
})

async function open(
  options: Partial<OpenDatabaseOptions & { url: string }> = {},
): Promise<Database> {
  const database = await openDatabase({ url: options.url ?? (await freshDatabase()), ...options })
  onTestFinished(() => database.close())
  return database
}

async function withTable(options: Partial<OpenDatabaseOptions> = {}): Promise<Database> {
  const database = await open(options)
  await database.query('create table t (n int)')
  return database
}
