import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'

const DEFAULT_URL = 'postgres://celery_toolbox:celery_toolbox@127.0.0.1:5432/celery_toolbox'

/** The server that tests may use: its role may create and drop databases. */
export const serverUrl = process.env.DATABASE_URL ?? DEFAULT_URL

/** The url of an empty database of the test's own, dropped when the test is done. */
export async function freshDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(`CREATE DATABASE ${name}`)
  // Runs after what the test registered later, so after it closed its connections; FORCE sees to the rest.
  onTestFinished(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
