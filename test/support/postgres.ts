import { onTestFinished } from 'vitest'
import { service } from './services.ts'
import { createTestDatabase, dropTestDatabase } from './test-databases.ts'

/** The url of an empty database of the test's own, dropped when the test is done. */
export async function freshDatabase(): Promise<string> {
  const name = await createTestDatabase()
  // Runs after what the test registered later, so after it closed its connections.
  onTestFinished(() => dropTestDatabase(name))
  const url = new URL(service('DATABASE_URL'))
  url.pathname = `/${name}`
  return url.href
}
