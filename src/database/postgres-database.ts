import { finished } from 'node:stream/promises'
import type { Client, ClientBase, Pool, PoolClient } from 'pg'
import type * as CopyStreams from 'pg-copy-streams'
import { PassingSet } from '../async/passing.ts'
import { isDoneWithin } from '../async/with-deadline.ts'
import { DatabaseError } from '../errors.ts'
import { requirePackage } from '../installed-packages.ts'
import type { Logger } from '../logger.ts'
import { asDatabaseError, unreachable } from './connection-loss.ts'
import type { Database, Transaction } from './database.ts'
import { Listener } from './listener.ts'
import { endAtOnce, SilenceWatch } from './silence-watch.ts'
import { toParameter } from './sql-values.ts'

const CLOSE_MS = 2_000

interface PostgresDatabaseParts {
  readonly url: string
  readonly safeUrl: string
  readonly pool: Pool
  /** A connected client outside the pool. */
  readonly connect: () => Promise<Client>
  /** All clients of both kinds that have not ended, connected or not. */
  readonly open: ReadonlySet<Client>
  readonly logger: Logger
  /** How long a statement may be without an answer before the server is asked after it. Default 10 s. */
  readonly silentMs?: number | undefined
  /** Called once, after the last connection is closed: stops an embedded server. */
  readonly onClosed: () => Promise<void>
}

/** A pool of pg connections behind the Database contract. */
export class PostgresDatabase implements Database {
  readonly safeUrl: string
  readonly #parts: PostgresDatabaseParts
  readonly #listeners = new Set<Listener>()
  readonly #clients = new Set<PoolClient>()
  readonly #busy = new Set<PoolClient>()
  /** Of queries that wait for a client. */
  readonly #waiting = new PassingSet<(reason: Error) => void>()
  readonly #watch: SilenceWatch
  #closing: Promise<void> | undefined

  constructor(parts: PostgresDatabaseParts) {
    this.safeUrl = parts.safeUrl
    this.#parts = parts
    this.#watch = new SilenceWatch({ ...parts, onSilent: () => this.#endIdle() })
    // Taken, not connected: the pool may have connected its first client before it came here.
    parts.pool.on('acquire', (client) => this.#clients.add(client))
    parts.pool.on('remove', (client) => this.#clients.delete(client))
  }

  /** A getter, so that inspecting the database shows no password. */
  get url(): string {
    return this.#parts.url
  }

  async query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]> {
    return await this.#withClient((client) =>
      this.#watch.over(client, run<Row>(client, sql, parameters)),
    )
  }

  async transaction<Result>(work: (connection: Transaction) => Promise<Result>): Promise<Result> {
    return await this.#withClient((client) => {
      return inTransaction(client, work, (statement) => this.#watch.over(client, statement))
    })
  }

  async listen(channel: string, onNotify: (text: string) => void): Promise<() => Promise<void>> {
    this.#refuseWhenClosed()
    const { connect, logger, safeUrl, silentMs } = this.#parts
    const listener = new Listener({ channel, onNotify, connect, logger, silentMs })
    this.#listeners.add(listener)
    try {
      await listener.start()
    } catch (error) {
      this.#listeners.delete(listener)
      throw unreachable(safeUrl, error)
    }
    return async () => {
      this.#listeners.delete(listener)
      await listener.stop()
    }
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const listening = Promise.all([...this.#listeners].map((listener) => listener.stop()))
    await Promise.all([isDoneWithin(CLOSE_MS, listening), this.#endPool()])
    // Those that are still connecting, too: a silent server would keep the process alive.
    for (const client of this.#parts.open) endAtOnce(client)
    await listening
    await this.#parts.onClosed()
  }

  /** They went the same way as the one that has fallen silent. */
  #endIdle(): void {
    for (const client of this.#clients) if (!this.#busy.has(client)) endAtOnce(client)
  }

  /** A connection that does not say goodbye in time is closed without. */
  async #endPool(): Promise<void> {
    await isDoneWithin(CLOSE_MS, this.#parts.pool.end())
    for (const reject of this.#waiting) reject(new Error('the pool has ended'))
  }

  async #withClient<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    this.#refuseWhenClosed()
    const client = await this.#checkOut()
    this.#busy.add(client)
    try {
      return await work(client)
    } catch (error) {
      throw asDatabaseError(error, this.safeUrl)
    } finally {
      this.#busy.delete(client)
      // The pool itself drops a client whose connection is gone.
      client.release()
    }
  }

  async #checkOut(): Promise<PoolClient> {
    try {
      return await this.#fromPool()
    } catch (error) {
      this.#refuseWhenClosed()
      throw unreachable(this.safeUrl, error)
    }
  }

  /** A pool that ends drops the callers that wait for a client; this rejects them. A client that comes later is closed. */
  #fromPool(): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      let isGivenUp = false
      const giveUp = (reason: Error): void => {
        isGivenUp = true
        reject(reason)
      }
      this.#waiting.add(giveUp)
      void this.#parts.pool
        .connect()
        .then((client) => (isGivenUp ? client.release(true) : resolve(client)), reject)
        .finally(() => this.#waiting.delete(giveUp))
    })
  }

  #refuseWhenClosed(): void {
    if (this.#closing === undefined) return
    throw new DatabaseError(
      'DATABASE_CLOSED',
      `the database ${this.safeUrl} was used after close()`,
    )
  }
}

async function run<Row extends object>(
  client: PoolClient,
  sql: string,
  parameters?: readonly unknown[],
): Promise<Row[]> {
  const values = parameters?.map(toParameter)
  // A statement without parameters goes as simple query, so that several may stand in one text.
  const result = await (values === undefined
    ? client.query<Row>(sql)
    : client.query<Row>(sql, values))
  return result.rows ?? []
}

async function inTransaction<Result>(
  client: PoolClient,
  work: (connection: Transaction) => Promise<Result>,
  watched: <Value>(statement: Promise<Value>) => Promise<Value>,
): Promise<Result> {
  let failure: unknown
  const noted = async <Value>(statement: Promise<Value>): Promise<Value> => {
    try {
      return await watched(statement)
    } catch (error) {
      failure ??= error
      throw error
    }
  }
  const connection: Transaction = {
    query: (sql, parameters) => noted(run(client, sql, parameters)),
    copyFrom: (sql, chunks) => noted(copyInto(client, sql, chunks)),
  }
  try {
    await watched(client.query('BEGIN'))
    const result = await work(connection)
    const { command } = await watched(client.query('COMMIT'))
    // PostgreSQL answers so when a statement had failed, even if `work` caught the error: nothing was kept.
    if (command === 'ROLLBACK') throw failure
    return result
  } catch (error) {
    await watched(rollBack(client))
    throw error
  }
}

async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
  } catch {
    // The first error has the reason; this one only says that the connection is gone too.
  }
}

/** Runs `COPY … FROM STDIN`. Rejects with what PostgreSQL says; the connection is fit for the next statement then. */
async function copyInto(client: ClientBase, sql: string, chunks: readonly Buffer[]): Promise<void> {
  const { from }: typeof CopyStreams = requirePackage('pg-copy-streams')
  const copying = client.query(from(sql))
  // A row may be refused while others are still on their way: these are not sent any more.
  copying.once('error', () => copying.destroy())
  for (const chunk of chunks) copying.write(chunk)
  copying.end()
  await finished(copying)
}
