import { randomUUID } from 'node:crypto'
import type { Database } from '../../../database/database.ts'
import type { Failure } from '../../failures/failure.ts'
import { encoded } from '../../storage/encoding.ts'
import type { FlowWait } from '../../waits/flow-wait.ts'
import type { Claim } from '../job.ts'
import { detailsOfNextRun } from '../job-resume.ts'
import { nextRun } from '../job-schedule.ts'
import { LeasedClaim, type LeasedClaimParts } from '../leased-claim.ts'
import * as sql from './job-sql.ts'

interface DatabaseClaimParts extends LeasedClaimParts {
  readonly leaseMs: number
}

/** A claimed job of the board in PostgreSQL. */
export class DatabaseClaim extends LeasedClaim implements Claim {
  readonly #database: Database
  readonly #leaseMs: number

  constructor(database: Database, parts: DatabaseClaimParts) {
    super(parts, parts.leaseMs)
    this.#database = database
    this.#leaseMs = parts.leaseMs
  }

  async consume(): Promise<void> {
    this.letGo() // before anything that may fail: otherwise the job would stay ours for ever
    const owned = [this.job.uuid, this.epoch]
    const consumed = await this.#database.query(sql.CONSUME_UNSCHEDULED, owned)
    if (consumed.length > 0) return
    const [scheduled] = await this.#database.query<{ schedule: string }>(sql.SCHEDULE, owned)
    if (scheduled === undefined) throw this.notOurs()
    const details = encoded(detailsOfNextRun(this.job.details))
    await this.#end(sql.POST_AGAIN, [nextRun(scheduled.schedule), randomUUID(), details])
  }

  async abandon(failure?: Failure): Promise<void> {
    const reason = failure === undefined ? null : encoded(failure.toJSON())
    await this.#end(sql.ABANDON, [failure === undefined ? 0 : 1, reason])
  }

  async release({ until, signals }: FlowWait): Promise<void> {
    this.letGo()
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
    this.letGo()
    this.#refuseNone(
      await this.#database.query(statement, [this.job.uuid, this.epoch, ...parameters]),
    )
  }

  #refuseNone(rows: readonly unknown[]): void {
    if (rows.length === 0) throw this.notOurs()
  }

  protected async extend(): Promise<void> {
    const sinceMs = performance.now()
    const [row] = await this.#database.query<{ isHeld: boolean }>(sql.EXTEND, [
      this.job.uuid,
      this.epoch,
      this.#leaseMs,
    ])
    if (row === undefined) {
      this.letGo()
      return
    }
    this.term.extend(sinceMs)
    if (row.isHeld) this.hold()
  }
}
