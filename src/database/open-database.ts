import type { Client } from 'pg'
import { driverTimeoutMs } from '../async/timer.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { clientConfig, connectedClient } from './client-config.ts'
import { plainUrl } from './connection-options.ts'
import type { Database } from './database.ts'
import { type EmbeddedOptions, startEmbeddedPostgres } from './embedded/embedded-postgres.ts'
import { PostgresDatabase } from './postgres-database.ts'

export type OpenDatabaseOptions = (GivenDatabase | EmbeddedDatabase) & {
  /** Connections at most, besides one for each listen(). Default 10. */
  readonly poolSize?: number
  /** What pg_stat_activity shows. Default "celery-toolbox", or what the url says. */
  readonly applicationName?: string
  readonly logger?: Logger
  /** How long one connection may take to open. Default 5 s. */
  readonly connectTimeoutMs?: number
  /** How long a statement may be without an answer before the server is asked after it. Default 10 s. */
  readonly silentMs?: number
}

interface GivenDatabase {
  /** `postgresql://`, and also SQLAlchemy's and Celery's spelling: `db+postgresql+psycopg2://`. */
  readonly url: string
}

interface EmbeddedDatabase {
  readonly embedded: EmbeddedOptions
}

/**
 * One that is begun while the network swallows packets stays silent: a program is current again that long, and a pause, after
 * the server answers again.
 */
const CONNECT_TIMEOUT_MS = 5_000

/** Opens PostgreSQL, the given one or an embedded one of our own, and makes sure that it answers. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  if ('url' in options) return await connect(options.url, options, async () => undefined)
  const server = await startEmbeddedPostgres(options.embedded, options.logger ?? silentLogger)
  return await connect(server.url, options, server.stop)
}

async function connect(
  url: string,
  options: OpenDatabaseOptions,
  onClosed: () => Promise<void>,
): Promise<Database> {
  // Loaded here, so that an app without a database loads no driver.
  const pg = await import('pg')
  const logger = options.logger ?? silentLogger
  const { applicationName } = options
  const config = await clientConfig(url, { applicationName, fallbackName: 'celery-toolbox' })
  // For the client alone: given to the pool, it would also limit how long a query may wait for its turn.
  const timed = {
    ...config,
    connectionTimeoutMillis: driverTimeoutMs(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS),
  }
  const open = new Set<Client>()
  class TimedClient extends pg.Client {
    constructor() {
      super(timed)
      open.add(this)
      // Unheard, a loss between two statements would end the process; the next statement rejects with it.
      this.on('error', () => undefined)
      this.once('end', () => open.delete(this))
    }
  }
  const pool = new pg.Pool({
    ...config,
    Client: TimedClient,
    max: options.poolSize ?? 10,
    // A program with nothing left to do ends, even if it forgot close().
    allowExitOnIdle: true,
  })
  // An idle connection was lost: the pool drops it, and opens another when one is needed.
  pool.on('error', (error) => {
    // Its own server may stop before it has heard that the connections are to be closed.
    if (pool.ending) return
    logger.warn({ database: safeUrl(url), err: error }, 'idle database connection lost')
  })
  const database = new PostgresDatabase({
    url: plainUrl(url),
    safeUrl: safeUrl(plainUrl(url)),
    pool,
    connect: () => connectedClient(new TimedClient()),
    open,
    silentMs: options.silentMs,
    logger,
    onClosed,
  })
  return await answering(database)
}

/** A database that does not answer is closed again before the error is thrown. */
async function answering(database: Database): Promise<Database> {
  try {
    await database.query('select 1')
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}
