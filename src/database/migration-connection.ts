import type { Client, QueryResult } from 'pg'
import type { MigrationRunner } from '../../migrations/migration.ts'
import type { Logger } from '../logger.ts'
import { safeUrl } from '../safe-url.ts'
import { clientConfig, connectedClient } from './client-config.ts'
import { endInTime, SilenceWatch } from './silence-watch.ts'

const CONNECT_MS = 10_000

interface MigrationConnectionOptions {
  readonly logger: Logger
  readonly silentMs?: number | undefined
}

/** One connection, on which a process migrates: its locks belong to the session, and go with it. */
export class MigrationConnection implements MigrationRunner {
  readonly #client: Client
  readonly #watch: SilenceWatch
  #isTransactionActive = false

  private constructor(client: Client, watch: SilenceWatch) {
    this.#client = client
    this.#watch = watch
  }

  static async open(
    url: string,
    options: MigrationConnectionOptions,
  ): Promise<MigrationConnection> {
    const pg = await import('pg')
    const config = await clientConfig(url, { fallbackName: 'celery-toolbox migrate' })
    const connect = (): Promise<Client> =>
      connectedClient(new pg.Client({ ...config, connectionTimeoutMillis: CONNECT_MS }))
    const watch = new SilenceWatch({ ...options, safeUrl: safeUrl(url), connect })
    return new MigrationConnection(await connect(), watch)
  }

  get isTransactionActive(): boolean {
    return this.#isTransactionActive
  }

  async query<Rows = unknown>(sql: string, parameters?: unknown[]): Promise<Rows> {
    const { rows } = await this.#run(sql, parameters)
    return rows as Rows // the caller knows what it has selected
  }

  async startTransaction(): Promise<void> {
    await this.#run('BEGIN')
    this.#isTransactionActive = true
  }

  async commitTransaction(): Promise<void> {
    this.#isTransactionActive = false
    await this.#run('COMMIT')
  }

  /** Commits what `work` has done, or nothing of it. A migration may commit in between, and begin anew. */
  async inTransaction(work: () => Promise<void>): Promise<void> {
    await this.startTransaction()
    try {
      await work()
      await this.commitTransaction()
    } catch (error) {
      await this.#rollBack()
      throw error
    }
  }

  async close(): Promise<void> {
    await endInTime(this.#client)
  }

  async #run(sql: string, parameters?: unknown[]): Promise<QueryResult> {
    // Without parameters several statements may stand in one text.
    const statement =
      parameters === undefined ? this.#client.query(sql) : this.#client.query(sql, parameters)
    return await this.#watch.over(this.#client, statement)
  }

  async #rollBack(): Promise<void> {
    if (!this.#isTransactionActive) return
    this.#isTransactionActive = false
    // Where the connection is gone the server has rolled back; the error that ended it is on its way.
    await this.#run('ROLLBACK').catch(() => undefined)
  }
}
