import { randomUUID } from 'node:crypto'
import { sleep } from '../../../async/sleep.ts'
import { startInterval, type Timer } from '../../../async/timer.ts'
import type { Database } from '../../../database/database.ts'
import type { Task } from '../../atoms/task.ts'
import type { Flow } from '../../patterns/flow.ts'
import { DatabaseStore } from '../../storage/database-store.ts'
import { decoded, encoded } from '../../storage/encoding.ts'
import { BaseBoard } from '../base-board.ts'
import { JobFailure, JobNotFound, UnclaimableJob } from '../board-errors.ts'
import {
  type Claim,
  detailsOf,
  type Job,
  type JobDetails,
  type PostOptions,
  priorityOf,
  rankOf,
} from '../job.ts'
import type { AwaitedSignal, JobBoard, JobFilter, ListOptions } from '../job-board.ts'
import { runToResume } from '../job-resume.ts'
import { nextRun } from '../job-schedule.ts'
import { DatabaseClaim } from './database-claim.ts'
import * as sql from './job-sql.ts'

export interface BoardOptions {
  /** Several boards may share one database. Default "default". */
  readonly name?: string
  /** How long a job belongs to an owner that says nothing. Default 30 s. */
  readonly leaseMs?: number
}

const LEASE_MS = 30_000

/** Jobs in PostgreSQL: flows that wait for a conductor to run them. */
export class Board extends BaseBoard implements JobBoard {
  readonly name: string
  readonly leaseMs: number
  readonly store: DatabaseStore
  readonly #database: Database
  readonly #heartbeats = new Set<Timer>()

  /** The database must have our migrations; the code that opened it closes it. */
  constructor(database: Database, { name = 'default', leaseMs = LEASE_MS }: BoardOptions = {}) {
    super()
    this.name = name
    this.leaseMs = leaseMs
    this.store = new DatabaseStore(database)
    this.#database = database
  }

  /** Posts a flow, by itself or by the name under which conductors know it, with the values it starts with. */
  async post(
    flow: Flow | Task | string | { readonly name: string; readonly definition: string },
    store: Readonly<Record<string, unknown>> = {},
    options: PostOptions = {},
  ): Promise<Job> {
    const details = detailsOf(flow, store)
    const {
      priority = 'NORMAL',
      delayMs = 0,
      schedule,
      flowId = randomUUID(),
      name = details.flow,
    } = options
    const runAt = options.runAt ?? (schedule === undefined ? undefined : nextRun(schedule))
    const [row] = await this.#database.query<JobRow>(sql.POST, [
      randomUUID(),
      this.name,
      name,
      flowId,
      rankOf(priority),
      runAt ?? null,
      delayMs,
      schedule ?? null,
      encoded(details),
    ])
    if (row === undefined)
      throw new JobFailure(`job "${name}" was not posted: the database has returned no row`)
    return jobOf(row)
  }

  async jobs({ onlyUnclaimed = false, includeDelayed = false }: ListOptions = {}): Promise<Job[]> {
    const rows = await this.#database.query<JobRow>(sql.LIST, [
      this.name,
      onlyUnclaimed,
      includeDelayed,
    ])
    return rows.map(jobOf)
  }

  async jobCount(): Promise<number> {
    return (await this.jobs({ includeDelayed: true })).length
  }

  async find(id: string): Promise<Job | undefined> {
    const [row] = await this.#database.query<JobRow>(sql.FIND, [this.name, id])
    return row && jobOf(row)
  }

  /** Claims this job; throws UnclaimableJob where another owner has it. */
  async claim(job: Job | string, owner: string): Promise<Claim> {
    const uuid = typeof job === 'string' ? job : job.uuid
    const sinceMs = performance.now()
    const [row] = await this.#database.query<JobRow>(sql.CLAIM_ONE, [
      this.name,
      owner,
      this.leaseMs,
      uuid,
    ])
    if (row !== undefined) return this.#claimOf(row, { owner, sinceMs })
    const found = await this.find(uuid)
    if (found === undefined) throw new JobNotFound(`board "${this.name}" has no job ${uuid}`)
    throw new UnclaimableJob(`job ${uuid} belongs to "${found.owner}", or is not due`)
  }

  /** Claims the next job that is due, of these flows only where names are given; undefined where there is none. */
  async claimNext(
    owner: string,
    flows?: readonly string[],
    { takesDefinitions = false }: { readonly takesDefinitions?: boolean } = {},
  ): Promise<Claim | undefined> {
    const sinceMs = performance.now()
    const [row] = await this.#database.query<JobRow>(sql.CLAIM_NEXT, [
      this.name,
      owner,
      this.leaseMs,
      flows ?? null,
      takesDefinitions,
    ])
    return row && this.#claimOf(row, { owner, sinceMs })
  }

  /** Trashes what matches; a running one ends without a revert. Answers how many. */
  async killAll(filter: JobFilter): Promise<number> {
    const uuids = (await this.search(filter)).map(({ uuid }) => uuid)
    const [row] = await this.#database.query<{ count: number }>(sql.TRASH_MATCHING, [
      this.name,
      uuids,
    ])
    return row?.count ?? 0
  }

  /** Jobs that were given up, and why. */
  async trashed(): Promise<(Job & { readonly failure: unknown })[]> {
    const rows = await this.#database.query<JobRow & { failure: string | null }>(sql.LIST_TRASH, [
      this.name,
    ])
    return rows.map((row) => ({ ...jobOf(row), failure: decoded(row.failure) }))
  }

  /** Puts a trashed job back on the board: a conductor resumes its flow where it was. */
  async replay(id: string): Promise<void> {
    await this.#change(sql.REPLAY, id)
  }

  /** Lets running atoms finish and keeps the job from conductors until `resume`. */
  async suspend(id: string): Promise<void> {
    await this.#change(sql.HOLD, id, true)
  }

  async resume(id: string): Promise<void> {
    await this.#change(sql.HOLD, id, false)
  }

  /**
   * Runs a flow again from one of its steps, with some values changed; what came before must have succeeded and does not run
   * again. Its job, if it has one still, is replaced.
   */
  async resumeFrom(
    flowId: string,
    step: string,
    values: Readonly<Record<string, unknown>> = {},
  ): Promise<Job> {
    const job = await this.find(flowId)
    const { id, details } = await runToResume(this, job ?? flowId, { step, values })
    const posted = [randomUUID(), this.name, job?.name ?? details.flow, id]
    const rank = rankOf(job?.priority ?? 'NORMAL')
    const row = await this.#database.transaction(async (connection) => {
      await connection.query(sql.REMOVE_FREE, [this.name, id])
      const others = await connection.query(sql.FIND, [this.name, id])
      if (others.length > 0)
        throw new UnclaimableJob(`the run ${id} is under way: suspend it first`)
      const parameters = [...posted, rank, null, 0, job?.schedule ?? null, encoded(details)]
      return (await connection.query<JobRow>(sql.POST, parameters))[0]
    })
    if (row === undefined)
      throw new JobFailure(`the run ${id} was not posted again: the database has returned no row`)
    return jobOf(row)
  }

  /** A job's schedule from now on. */
  async resetSchedule(id: string, schedule: string): Promise<void> {
    await this.#change(sql.RESET_SCHEDULE, id, schedule, nextRun(schedule))
  }

  /** Gives a waiting flow its signal: an approval, a webhook's call. */
  async signal(flowId: string, name: string, value: unknown = null): Promise<void> {
    await this.store.sendSignal(flowId, name, value)
  }

  async awaited(pattern: RegExp, limit: number): Promise<readonly AwaitedSignal[]> {
    return await this.#database.query(sql.AWAITED, [this.name, pattern.source, limit])
  }

  /** Registers a worker of this board; until the function returned is called, or the lease ends. */
  async registerEntity(kind: string, name: string, metadata: object): Promise<() => Promise<void>> {
    const register = async (): Promise<void> => {
      await this.#database.query(sql.REGISTER, [
        this.name,
        kind,
        name,
        encoded(metadata),
        this.leaseMs,
      ])
    }
    await register()
    const timer = startInterval(this.leaseMs / 3, () => {
      register().catch(() => undefined) // the lease ends where the database is away, and begins again
    }).unref()
    this.#heartbeats.add(timer)
    return async () => {
      timer.clear()
      this.#heartbeats.delete(timer)
      await this.#database.query(sql.UNREGISTER, [this.name, kind, name])
    }
  }

  async entities(): Promise<readonly { kind: string; name: string; metadata: unknown }[]> {
    return await this.#database.query(sql.ENTITIES, [this.name])
  }

  async waitForNews(withinMs: number, signal?: AbortSignal): Promise<void> {
    const [next] = await this.#database.query<{ ms: number | null }>(sql.NEXT_DUE, [this.name])
    const dueMs = next?.ms ?? withinMs
    const ms = Math.min(withinMs, dueMs > 0 ? dueMs : LOOK_AGAIN_MS)
    if (signal?.aborted !== true) await sleep(ms, signal).catch(() => undefined) // aborted: no news are wanted
  }

  async listen(onNews: () => void): Promise<() => Promise<void>> {
    return await this.#database.listen(sql.JOB_CHANNEL, (board) => {
      if (board === this.name) onNews()
    })
  }

  async close(): Promise<void> {
    for (const timer of this.#heartbeats) timer.clear()
    this.#heartbeats.clear()
  }

  #claimOf(row: JobRow, asked: { readonly owner: string; readonly sinceMs: number }): Claim {
    const { leaseMs } = this
    return new DatabaseClaim(this.#database, {
      job: jobOf(row),
      epoch: row.epoch,
      leaseMs,
      ...asked,
    })
  }

  async #change(statement: string, id: string, ...parameters: readonly unknown[]): Promise<void> {
    const rows = await this.#database.query(statement, [this.name, id, ...parameters])
    if (rows.length === 0) throw new JobNotFound(`board "${this.name}" has no such job: ${id}`)
  }
}

const LOOK_AGAIN_MS = 50

/** A job as the statements of the board answer it. */
interface JobRow extends Omit<Job, 'details' | 'priority'> {
  readonly details: string
  readonly priority: number
  readonly epoch: number
}

function jobOf({ epoch: _, details, priority, ...row }: JobRow): Job {
  return { ...row, priority: priorityOf(priority), details: decoded(details) as JobDetails }
}
