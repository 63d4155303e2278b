import { randomUUID } from 'node:crypto'
import { startInterval, type Timer } from '../../async/timer.ts'
import type { Database } from '../../database/database.ts'
import { LeaseTerm } from '../../leases/lease-term.ts'
import type { Failure } from '../failures/failure.ts'
import { encoded } from '../storage/encoding.ts'
import type { FlowWait } from '../waits/flow-wait.ts'
import { JobFailure } from './board-errors.ts'
import type { Claim, Job } from './job.ts'
import { detailsOfNextRun } from './job-resume.ts'
import { nextRun } from './job-schedule.ts'
import * as sql from './job-sql.ts'

interface ClaimParts {
  readonly job: Job
  readonly epoch: number
  readonly owner: string
  readonly leaseMs: number
  /** When it was asked for (performance.now). */
  readonly sinceMs: number
}

/** A claimed job of the board in PostgreSQL. It is extended by itself, and is lost at the end of its lease if that fails. */
export class DatabaseClaim implements Claim {
  readonly job: Job
  readonly epoch: number
  readonly #database: Database
  readonly #parts: ClaimParts
  readonly #term: LeaseTerm
  readonly #held = new AbortController()
  readonly #timer: Timer

  constructor(database: Database, parts: ClaimParts) {
    this.#database = database
    this.#parts = parts
    this.job = parts.job
    this.epoch = parts.epoch
    const { leaseMs, sinceMs } = parts
    this.#term = new LeaseTerm(`job ${parts.job.uuid}`, { holdMs: leaseMs, sinceMs })
    this.#timer = startInterval(leaseMs / 4, () => {
      this.#extend().catch(() => undefined) // the term ends where no later one succeeds
    }).unref()
  }

  get lost(): AbortSignal {
    return this.#term.lost
  }

  get held(): AbortSignal {
    return this.#held.signal
  }

  async consume(): Promise<void> {
    this.#letGo() // before anything that may fail: otherwise the job would stay ours for ever
    const owned = [this.job.uuid, this.epoch]
    const consumed = await this.#database.query(sql.CONSUME_UNSCHEDULED, owned)
    if (consumed.length > 0) return
    const [scheduled] = await this.#database.query<{ schedule: string }>(sql.SCHEDULE, owned)
    if (scheduled === undefined) throw this.#notOurs()
    const details = encoded(detailsOfNextRun(this.job.details))
    await this.#end(sql.POST_AGAIN, [nextRun(scheduled.schedule), randomUUID(), details])
  }

  async abandon(failure?: Failure): Promise<void> {
    const reason = failure === undefined ? null : encoded(failure.toJSON())
    await this.#end(sql.ABANDON, [failure === undefined ? 0 : 1, reason])
  }

  async release({ until, signals }: FlowWait): Promise<void> {
    this.#letGo()
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
    this.#letGo()
    this.#refuseNone(
      await this.#database.query(statement, [this.job.uuid, this.epoch, ...parameters]),
    )
  }

  /** It is not extended any more, and is over at once for what still runs under it. */
  #letGo(): void {
    this.#timer.clear()
    this.#term.end()
  }

  #refuseNone(rows: readonly unknown[]): void {
    if (rows.length === 0) throw this.#notOurs()
  }

  #notOurs(): JobFailure {
    return new JobFailure(`job ${this.job.uuid} does not belong to "${this.#parts.owner}" any more`)
  }

  async #extend(): Promise<void> {
    const sinceMs = performance.now()
    const { leaseMs } = this.#parts
    const [row] = await this.#database.query<{ isHeld: boolean }>(sql.EXTEND, [
      this.job.uuid,
      this.epoch,
      leaseMs,
    ])
    if (row === undefined) {
      this.#letGo()
      return
    }
    this.#term.extend(sinceMs)
    if (row.isHeld) this.#held.abort()
  }
}
