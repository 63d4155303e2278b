import type { Client } from 'pg'
import type { MigrationRunner } from '../../migrations/migration.ts'
import { connectionOptions } from './connection-options.ts'
import { typeParsers } from './sql-values.ts'

const CONNECT_MS = 10_000

/** One connection, on which a process migrates: its locks belong to the session, and go with it. */
export class MigrationConnection implements MigrationRunner {
  readonly #client: Client
  #isTransactionActive = false

  private constructor(client: Client) {
    this.#client = client
  }

  static async open(url: string): Promise<MigrationConnection> {
    const pg = await import('pg')
    const client = new pg.Client({
      ...connectionOptions(url),
      fallback_application_name: 'celery-toolbox migrate',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      types: typeParsers(pg.types),
    })
    // Heard here, a loss fails the statement under way, and not the process.
    client.on('error', () => undefined)
    await client.connect()
    return new MigrationConnection(client)
  }

  get isTransactionActive(): boolean {
    return this.#isTransactionActive
  }

  async query<Rows = unknown>(sql: string, parameters?: unknown[]): Promise<Rows> {
    // Without parameters several statements may stand in one text.
    const { rows } = await (parameters === undefined
      ? this.#client.query(sql)
      : this.#client.query(sql, parameters))
    return rows as Rows // the caller knows what it has selected
  }

  async startTransaction(): Promise<void> {
    await this.#client.query('BEGIN')
    this.#isTransactionActive = true
  }

  async commitTransaction(): Promise<void> {
    this.#isTransactionActive = false
    await this.#client.query('COMMIT')
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
    await this.#client.end()
  }

  async #rollBack(): Promise<void> {
    if (!this.#isTransactionActive) return
    this.#isTransactionActive = false
    // Where the connection is gone the server has rolled back; the error that ended it is on its way.
    await this.#client.query('ROLLBACK').catch(() => undefined)
  }
}
