import type { Client, ClientConfig } from 'pg'
import { connectionOptions } from './connection-options.ts'
import { typeParsers } from './sql-values.ts'

interface ConnectionNames {
  /** The application name in pg_stat_activity, even if the url has another. */
  readonly applicationName?: string | undefined
  /** What it shows where neither this nor the url names the application. */
  readonly fallbackName: string
}

/** What each connection of ours is opened with, be it of the pool or to migrate. Loads the driver. */
export async function clientConfig(url: string, names: ConnectionNames): Promise<ClientConfig> {
  const { types } = await import('pg')
  return {
    ...connectionOptions(url),
    ...(names.applicationName && { application_name: names.applicationName }),
    fallback_application_name: names.fallbackName,
    keepAlive: true,
    types: typeParsers(types),
  }
}

export async function connectedClient(client: Client): Promise<Client> {
  // Heard here, a loss ends the client ("end" follows) and fails its statement, and does not end the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}
