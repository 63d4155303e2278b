import { type Backoff, retry } from '../../async/backoff.ts'
import { deferred } from '../../async/deferred.ts'
import { Semaphore } from '../../async/semaphore.ts'
import type { Connection, Database } from '../../database/database.ts'
import { writeFailureOf } from './saving/write-failure.ts'

const LOST_BACKOFF: Backoff = { initialMs: 20, factor: 2, maxMs: 1000, jitter: 0.5 }

/**
 * Locks that end with the process that holds them, however it ends: advisory locks, all of them on one connection, which
 * is taken with the first and given back with the last. A lock that is held is not waited for. No leases: a backend may be
 * a database without our tables, and a body that is published twice is worse than one that waits for a suspended worker.
 */
export class ChordLocks {
  readonly #database: Database
  /** How long a lock is asked for, while the database is away. */
  readonly #deadlineMs: number
  #connection: Promise<Connection> | undefined
  #giveBack: (() => void) | undefined
  #ended: Promise<void> = Promise.resolve()
  #holders = 0

  constructor(database: Database, deadlineMs: number) {
    this.#database = database
    this.#deadlineMs = deadlineMs
  }

  /** Runs it while holding the lock of that name; false, and nothing was run, where the lock is held elsewhere. */
  async runAlone(name: string, work: () => Promise<void>): Promise<boolean> {
    this.#holders += 1
    try {
      const connection = await this.#lock(name)
      if (connection === undefined) return false
      try {
        await work()
        return true
      } finally {
        // A connection that is lost has lost its locks.
        await ask(connection, 'pg_advisory_unlock', name).catch(() => this.#drop())
      }
    } finally {
      this.#holders -= 1
      if (this.#holders === 0) this.#drop()
    }
  }

  /** Resolves once no connection is held. */
  async drain(): Promise<void> {
    await this.#ended
  }

  /** The connection that holds the lock now; undefined where another does. */
  #lock(name: string): Promise<Connection | undefined> {
    return retry(() => this.#tryLock(name), {
      backoff: LOST_BACKOFF,
      withinMs: this.#deadlineMs,
      onFailure: ({ cause }) => {
        if (writeFailureOf(cause) !== 'passing') throw cause
      },
    })
  }

  async #tryLock(name: string): Promise<Connection | undefined> {
    try {
      const connection = await this.#connect()
      return (await ask(connection, 'pg_try_advisory_lock', name)) ? connection : undefined
    } catch (error) {
      this.#drop()
      throw error
    }
  }

  #connect(): Promise<Connection> {
    this.#connection ??= this.#open()
    return this.#connection
  }

  #drop(): void {
    this.#giveBack?.()
    this.#giveBack = undefined
    this.#connection = undefined
  }

  #open(): Promise<Connection> {
    const opened = deferred<Connection>()
    const done = deferred()
    this.#giveBack = done.resolve
    // Read-only between statements, so an open transaction of any length holds nothing up.
    const transaction = this.#database.transaction(async (connection) => {
      opened.resolve(inTurn(connection))
      await done.promise
    })
    this.#ended = transaction.catch((error: unknown) => {
      opened.reject(error)
      if (this.#connection === opened.promise) this.#drop()
    })
    return opened.promise
  }
}

/** One statement at a time. */
function inTurn(connection: Connection): Connection {
  const turn = new Semaphore(1)
  return { query: (sql, parameters) => turn.run(() => connection.query(sql, parameters)) }
}

type LockFunction = 'pg_try_advisory_lock' | 'pg_advisory_unlock'

async function ask(connection: Connection, call: LockFunction, name: string): Promise<boolean> {
  const [row] = await connection.query<{ yes: boolean }>(
    `select ${call}(hashtextextended($1, 0)) as yes`,
    [`celery_toolbox_chord ${name}`],
  )
  return row?.yes === true
}
