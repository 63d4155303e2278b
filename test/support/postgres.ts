import { inject, onTestFinished } from 'vitest'
import {
  createAlphabeticalDatabase,
  createTestDatabase,
  databaseUrl,
  dropTestDatabase,
} from './test-databases.ts'

/** The url of a database of the test's own with all our tables, dropped when the test is done. */
export async function migratedDatabase(): Promise<string> {
  return await freshDatabase(inject('migratedTemplate'))
}

/** The url of an empty database of the test's own, dropped when the test is done. */
export async function freshDatabase(template?: string): Promise<string> {
  const name = await createTestDatabase(template)
  // Runs after what the test registered later, so after it closed its connections.
  onTestFinished(() => dropTestDatabase(name))
  return databaseUrl(name)
}

/** As `freshDatabase`, but its texts are ordered as in a dictionary, a before B, where the server can. */
export async function alphabeticalDatabase(): Promise<string> {
  const name = await createAlphabeticalDatabase()
  onTestFinished(() => dropTestDatabase(name))
  return databaseUrl(name)
}
