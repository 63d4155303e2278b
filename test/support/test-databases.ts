import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { service } from './services.ts'

// Apart from postgres.ts, as what runs before and after all tests may not import Vitest.

const DROP_PATIENCE_MS = 2000
/** Longer than all tests take: the template that they copy has no connection, and looks like a leftover. */
const LEFTOVER_AFTER_SECONDS = 4 * 3600

/**
 * Makes a database on the server of DATABASE_URL, whose role may create and drop them, empty or as the template is;
 * answers its name.
 */
export async function createTestDatabase(template = 'template1'): Promise<string> {
  const name = newName()
  await onServer(async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} ${await placeOf(client)}`)
  })
  return name
}

/** Empty, and ordered by ICU, with which PostgreSQL 15 is built as a rule. */
export async function createAlphabeticalDatabase(): Promise<string> {
  const name = newName()
  await onServer(async (client) => {
    const { rows } = await client.query<{ is_new: boolean }>(
      `SELECT current_setting('server_version_num')::integer >= 150000 AS is_new`,
    )
    const locale = rows[0]?.is_new ? `LOCALE_PROVIDER icu ICU_LOCALE 'en'` : ''
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ${locale}`)
  })
  return name
}

function newName(): string {
  return `test_${now()}_${randomBytes(6).toString('hex')}`
}

/** In memory, where scripts/servers/tablespace.mjs found room; another server has no such tablespace. */
async function placeOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::integer AS version
     FROM pg_tablespace WHERE spcname = 'test_memory'`,
  )
  const [space] = rows
  if (!space) return ''
  // A third of the CPU time of the way by the write-ahead log, which came with 15.
  return `TABLESPACE test_memory${space.version >= 150_000 ? ' STRATEGY file_copy' : ''}`
}

export function databaseUrl(name: string): string {
  const url = new URL(service('DATABASE_URL'))
  url.pathname = `/${name}`
  return url.href
}

/**
 * Drops it, connections or not. From version 15 on the server first waits for every process it has, also one whose
 * client stopped in the middle of its login, for up to a minute. We do not wait: such a database is dropped later.
 */
export async function dropTestDatabase(name: string): Promise<void> {
  await onServer((client) => tryToDrop(client, name))
}

/** Drops what earlier runs could not, and what they left when they were killed; never a database in use. */
export async function dropLeftoverDatabases(): Promise<void> {
  await onServer(async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT datname AS name FROM pg_database
       WHERE datname ~ '^test_[0-9]{10}_[0-9a-f]{12}$' AND split_part(datname, '_', 2)::bigint < $1
         AND NOT EXISTS (SELECT FROM pg_stat_activity used WHERE used.datname = pg_database.datname)`,
      [now() - LEFTOVER_AFTER_SECONDS],
    )
    for (const { name } of rows) {
      if (!(await tryToDrop(client, name))) return
    }
  })
}

/** False when the server waited too long. */
async function tryToDrop(client: Client, name: string): Promise<boolean> {
  try {
    await client.query(`SET statement_timeout = ${DROP_PATIENCE_MS}`)
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === QUERY_CANCELED) return false
    throw error
  }
}

const QUERY_CANCELED = '57014'

function now(): number {
  return Math.floor(Date.now() / 1000)
}

async function onServer<Answer>(use: (client: Client) => Promise<Answer>): Promise<Answer> {
  const client = new Client({ connectionString: service('DATABASE_URL') })
  // A timeout that fires just as its statement ends is told when nothing is asked, and would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
