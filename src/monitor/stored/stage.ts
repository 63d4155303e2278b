import { hash } from 'node:crypto'
import { type CopyColumn, copyRows } from '../../database/copy/copy-columns.ts'
import type { Transaction } from '../../database/database.ts'

/**
 * Where the rows of a transaction wait until one statement makes of them what is stored: a temporary table of the
 * connection, empty again with each commit. COPY fills it, the quickest way in that there is; what it cannot do,
 * ON CONFLICT, the statement does.
 */
export class Stage<Row> {
  /** For FROM. */
  readonly table: string
  readonly #columns: readonly CopyColumn<Row>[]
  readonly #create: string
  readonly #copy: string
  readonly #filled = new WeakSet<Transaction>()

  constructor(name: string, columns: readonly CopyColumn<Row>[]) {
    const declared = columns.map((column) => `${column.name} ${column.type}`).join(', ')
    // A pooler may hand out a connection that an older release has made its tables on.
    this.table = `pg_temp.staged_${name}_${hash('sha256', declared).slice(0, 8)}`
    this.#columns = columns
    // Without the notice that it is there already, as it is from the second time on.
    this.#create = `SET LOCAL client_min_messages = warning;
      CREATE TEMPORARY TABLE IF NOT EXISTS ${this.table} (${declared}) ON COMMIT DELETE ROWS`
    this.#copy = `COPY ${this.table} (${columns.map((column) => column.name).join(', ')}) FROM STDIN (FORMAT binary)`
  }

  /** Stages the rows and runs the statement that stores them; does nothing where there are none. */
  async write(connection: Transaction, rows: readonly Row[], sql: string): Promise<void> {
    if (rows.length === 0) return
    await this.fill(connection, rows)
    await connection.query(sql)
  }

  /**
   * In place of what may be there. In no order: PostgreSQL puts a small row where a page before has room for it. A statement that
   * locks rows has to say in which order.
   */
  async fill(connection: Transaction, rows: readonly Row[]): Promise<void> {
    await connection.query(this.#filled.has(connection) ? `TRUNCATE ${this.table}` : this.#create)
    this.#filled.add(connection)
    await connection.copyFrom(this.#copy, copyRows(this.#columns, rows))
  }
}
