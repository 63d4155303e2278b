import { Semaphore } from '../async/semaphore.ts'
import type { Database } from '../database/database.ts'
import type { Logger } from '../logger.ts'
import { WorkerLostError } from '../tasks/signals.ts'
import type { Job } from './job.ts'
import type { Outcome } from './outcomes/outcome.ts'

interface PoisonGuardParts {
  /** Where it is counted; undefined where there is no such database. */
  readonly database: () => Promise<Database | undefined>
  /** WORKER_POISON_DEATHS. */
  readonly most: number
  readonly logger: Logger
}

/** The first delivery is not counted, and taken for a begin once there is a second. */
const UNCOUNTED = 1

/**
 * Where a broker delivers a message again because its worker died, it says how often, not why: the run may have killed the worker, or
 * stood beside one that did. So each begin of a message that came again is counted until its run has ended; what has begun often goes to
 * its dead-letter queue, and what may be next runs alone among its like, so that the innocent are found out.
 */
export class PoisonGuard {
  readonly #parts: PoisonGuardParts
  readonly #alone = new Semaphore(1)

  constructor(parts: PoisonGuardParts) {
    this.#parts = parts
  }

  /** Runs a late-acknowledged job, unless that killed its workers before. */
  async around(job: Job, run: () => Promise<Outcome>): Promise<Outcome> {
    if (job.delivery.attempt < 2) return await run()
    const database = await this.#opened()
    if (database === undefined) return await run()
    const { most } = this.#parts
    const known = await this.#begunBefore(database, job)
    if (known !== undefined && known >= most) return await this.#poison(database, job)
    const begun = known ?? UNCOUNTED
    const counted = async (): Promise<Outcome> => this.#counted(database, job, run)
    return begun + 1 < most ? await counted() : await this.#alone.run(counted)
  }

  async #counted(database: Database, job: Job, run: () => Promise<Outcome>): Promise<Outcome> {
    // What was lost while it waited for its turn is another worker's.
    if (job.delivery.isLost) return { kind: 'abandoned' }
    await this.#quietly(database.query(BEGIN, keyOf(job)))
    const outcome = await run()
    await this.#quietly(database.query(END, keyOf(job)))
    return outcome
  }

  async #poison(database: Database, job: Job): Promise<Outcome> {
    await this.#quietly(database.query(END, keyOf(job)))
    const { most, logger } = this.#parts
    const { id: taskId, task } = job.request
    logger.error(
      { taskId, task, most },
      'a message has killed too many workers, it is kept in its dead-letter queue',
    )
    const error = new WorkerLostError(
      `It was started ${most} times, and each time its worker died before the task ended.`,
      { isPoison: true },
    )
    return { kind: 'failure', error, runtimeMs: 0 }
  }

  async #begunBefore(database: Database, job: Job): Promise<number | undefined> {
    const rows = await this.#quietly(database.query<{ begun: number }>(BEGUN, keyOf(job)))
    return rows?.[0]?.begun
  }

  async #opened(): Promise<Database | undefined> {
    return await this.#quietly(this.#parts.database())
  }

  /** A database that is away keeps no task from running. */
  async #quietly<Result>(work: Promise<Result>): Promise<Result | undefined> {
    try {
      return await work
    } catch (error) {
      this.#parts.logger.debug({ err: error }, 'cannot count how often a task was started')
      return undefined
    }
  }
}

function keyOf({ request }: Job): readonly unknown[] {
  return [request.id, request.retries]
}

const BEGUN = 'SELECT begun FROM monitor.suspect WHERE task_id = $1 AND retries = $2'

// Rows of messages that never came again go after a while; two that begin at once do not wait for each other's.
const BEGIN = `
  WITH old AS (DELETE FROM monitor.suspect WHERE (task_id, retries) IN (
    SELECT task_id, retries FROM monitor.suspect WHERE begun_at < now() - interval '14 days' FOR UPDATE SKIP LOCKED))
  INSERT INTO monitor.suspect (task_id, retries, begun) VALUES ($1, $2, ${UNCOUNTED} + 1)
  ON CONFLICT (task_id, retries) DO UPDATE SET begun = suspect.begun + 1, begun_at = clock_timestamp()`

const END = 'DELETE FROM monitor.suspect WHERE task_id = $1 AND retries = $2'
