import { randomUUID } from 'node:crypto'
import { startInterval, type Timer } from '../../async/timer.ts'
import type { Database } from '../../database/database.ts'
import type { Failure } from '../failures/failure.ts'
import { LeaseLost } from '../failures/flow-errors.ts'
import { encoded } from '../storage/encoding.ts'
import type { FlowWait } from '../waits/flow-wait.ts'
import { JobFailure } from './board-errors.ts'
import type { Claim, Job } from './job.ts'
import { nextRun } from './job-schedule.ts'
import * as sql from './job-sql.ts'

interface ClaimParts {
  readonly job: Job
  readonly epoch: number
  readonly owner: string
  readonly leaseMs: number
}

/** A claimed job of the board in PostgreSQL. It is extended by itself, and is lost when that has not worked for too long. */
export class DatabaseClaim implements Claim {
  readonly job: Job
  readonly epoch: number
  readonly #database: Database
  readonly #parts: ClaimParts
  readonly #lost = new AbortController()
  readonly #held = new AbortController()
  readonly #timer: Timer
  #extendedAt = performance.now()

  constructor(database: Database, parts: ClaimParts) {
    this.#database = database
    this.#parts = parts
    this.job = parts.job
    this.epoch = parts.epoch
    this.#timer = startInterval(parts.leaseMs / 4, () => {
      this.#extend().catch(() => this.#loseIfLate())
    }).unref()
  }

  /** A process that was stopped for longer than its lease finds that out here, before any timer has run. */
  get lost(): AbortSignal {
    this.#loseIfLate()
    return this.#lost.signal
  }

  get held(): AbortSignal {
    return this.#held.signal
  }

  async consume(): Promise<void> {
    const { schedule } = this.job
    if (schedule === null) await this.#end(sql.CONSUME, [])
    else await this.#end(sql.POST_AGAIN, [nextRun(schedule), randomUUID()])
  }

  async abandon(failure?: Failure): Promise<void> {
    const reason = failure === undefined ? null : encoded(failure.toJSON())
    await this.#end(sql.ABANDON, [failure === undefined ? 0 : 1, reason])
  }

  async release({ until, signals }: FlowWait): Promise<void> {
    this.#timer.clear()
    const { uuid } = this.job
    const rows = await this.#database.transaction(async (connection) => {
      const released = await connection.query(sql.RELEASE, [
        uuid,
        this.epoch,
        until ?? null,
        signals,
      ])
      await connection.query(sql.WAKE_IF_SIGNALLED, [uuid])
      return released
    })
    this.#refuseNone(rows)
  }

  async trash(failure?: Failure): Promise<void> {
    await this.#end(sql.TRASH, [failure === undefined ? null : encoded(failure.toJSON())])
  }

  async #end(statement: string, parameters: readonly unknown[]): Promise<void> {
    this.#timer.clear()
    this.#refuseNone(
      await this.#database.query(statement, [this.job.uuid, this.epoch, ...parameters]),
    )
  }

  #refuseNone(rows: readonly unknown[]): void {
    if (rows.length > 0) return
    throw new JobFailure(`job ${this.job.uuid} does not belong to "${this.#parts.owner}" any more`)
  }

  async #extend(): Promise<void> {
    const startedAt = performance.now()
    const { leaseMs } = this.#parts
    const [row] = await this.#database.query<{ isHeld: boolean }>(sql.EXTEND, [
      this.job.uuid,
      this.epoch,
      leaseMs,
    ])
    if (row === undefined) {
      this.#lose()
      return
    }
    this.#extendedAt = startedAt
    if (row.isHeld) this.#held.abort()
  }

  #loseIfLate(): void {
    if (performance.now() - this.#extendedAt > this.#parts.leaseMs) this.#lose()
  }

  #lose(): void {
    this.#timer.clear()
    this.#lost.abort(new LeaseLost(`job ${this.job.uuid} was not extended within its lease`))
  }
}
