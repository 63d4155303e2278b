import { hostname } from 'node:os'
import { asBehind } from '../database/behind.ts'
import type { Connection, Database, Transaction } from '../database/database.ts'
import type { Lease, LeaseOptions, Leases } from './lease.ts'
import { LeaseTerm } from './lease-term.ts'

/** Leases as rows of monitor.lease, by the clock of the server. */
export class PostgresLeases implements Leases {
  readonly #database: Database
  readonly #holder: string

  /** `holder` says in the table who holds a lease; default host and process id. */
  constructor(database: Database, holder = `${hostname()}:${process.pid}`) {
    this.#database = database
    this.#holder = holder
  }

  async acquire(name: string, { holdMs }: LeaseOptions): Promise<Lease | undefined> {
    const sinceMs = performance.now()
    const parameters = [name, this.#holder, holdMs]
    const [row] =
      (await this.#ask(TAKE_OVER, parameters)) ?? (await this.#ask(TAKE_FIRST, parameters)) ?? []
    if (row === undefined) return undefined
    const term = new LeaseTerm(name, { holdMs, sinceMs })
    return new PostgresLease(this.#database, { name, epoch: Number(row.epoch), holdMs, term })
  }

  /** Undefined where no row is answered. */
  async #ask(sql: string, parameters: readonly unknown[]): Promise<EpochRow[] | undefined> {
    const rows = await this.#database.query<EpochRow>(sql, parameters).catch((cause: unknown) => {
      throw asBehind(cause, { table: 'monitor.lease', safeUrl: this.#database.safeUrl })
    })
    return rows.length === 0 ? undefined : rows
  }
}

interface EpochRow {
  readonly epoch: string
}

interface PostgresLeaseParts {
  readonly name: string
  readonly epoch: number
  readonly holdMs: number
  readonly term: LeaseTerm
}

class PostgresLease implements Lease {
  readonly name: string
  readonly epoch: number
  readonly #database: Database
  readonly #holdMs: number
  readonly #term: LeaseTerm

  constructor(database: Database, { name, epoch, holdMs, term }: PostgresLeaseParts) {
    this.#database = database
    this.name = name
    this.epoch = epoch
    this.#holdMs = holdMs
    this.#term = term
  }

  get lost(): AbortSignal {
    return this.#term.lost
  }

  async extend(): Promise<void> {
    this.#term.check()
    const sinceMs = performance.now()
    await this.#require(this.#database, EXTEND, [this.name, this.epoch, this.#holdMs])
    this.#term.extend(sinceMs)
  }

  async confirm(transaction?: Transaction): Promise<void> {
    this.#term.check()
    if (transaction === undefined) {
      await this.#require(this.#database, IS_HELD, [this.name, this.epoch])
    } else {
      await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = ${this.#idleMs}`)
      await this.#require(transaction, `${IS_HELD} FOR KEY SHARE`, [this.name, this.epoch])
    }
  }

  async release(): Promise<void> {
    if (this.#term.lost.aborted) return
    this.#term.end()
    await this.#database.query(RELEASE, [this.name, this.epoch])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  /** A holder that is suspended within its transaction keeps the row locked: the server ends it after this. */
  get #idleMs(): number {
    return Math.max(1, Math.round(this.#holdMs))
  }

  async #require(
    connection: Connection,
    sql: string,
    parameters: readonly unknown[],
  ): Promise<void> {
    if ((await connection.query(sql, parameters)).length > 0) return
    this.#term.end()
    this.#term.check()
  }
}

// FOR UPDATE, as an update alone would pass by the FOR KEY SHARE of confirm(). SKIP LOCKED, as it waits for no holder.
const TAKE_OVER = `
  WITH free AS (
    SELECT name FROM monitor.lease
    WHERE name = $1 AND expires_at <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
  )
  UPDATE monitor.lease SET epoch = epoch + 1, holder = $2, acquired_at = clock_timestamp(),
    expires_at = clock_timestamp() + $3 * interval '1 millisecond'
  FROM free WHERE lease.name = free.name
  RETURNING epoch`

const TAKE_FIRST = `
  INSERT INTO monitor.lease (name, epoch, holder, acquired_at, expires_at)
  VALUES ($1, 1, $2, clock_timestamp(), clock_timestamp() + $3 * interval '1 millisecond')
  ON CONFLICT (name) DO NOTHING
  RETURNING epoch`

const EXTEND = `
  UPDATE monitor.lease SET expires_at = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE name = $1 AND epoch = $2 AND expires_at > clock_timestamp()
  RETURNING epoch`

const IS_HELD = `
  SELECT epoch FROM monitor.lease WHERE name = $1 AND epoch = $2 AND expires_at > clock_timestamp()`

const RELEASE = `
  UPDATE monitor.lease SET expires_at = clock_timestamp() WHERE name = $1 AND epoch = $2`
