import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { commandLogger, type GlobalOptions, openConfig } from '../app/open-app.ts'
import { databaseUrl } from './database-url.ts'

export interface DatabaseOptions extends GlobalOptions {
  readonly database?: string
}

/** The database that a command reads, opened with as few connections as one command needs. */
export async function openCommandDatabase(options: DatabaseOptions): Promise<Database> {
  return await openDatabaseOf(await openConfig(options), options)
}

export async function openDatabaseOf(
  config: Config,
  options: DatabaseOptions,
  timeouts: { readonly connectTimeoutMs?: number } = {},
): Promise<Database> {
  const { openDatabase } = await import('../../database/open-database.ts')
  return await openDatabase({
    url: databaseUrl(config, options.database),
    poolSize: 2,
    logger: await commandLogger(config, options),
    ...timeouts,
  })
}
