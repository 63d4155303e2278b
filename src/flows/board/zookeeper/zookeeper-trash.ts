import { posix } from 'node:path'
import { JobNotFound, UnclaimableJob } from '../board-errors.ts'
import type { Job } from '../job.ts'
import { JOB, lockOf, OURS, type Posted, readJob, readJobs, withoutFree } from './posted-jobs.ts'
import { bytesOf, type Posting, trashedOf } from './posting.ts'
import {
  isConflict,
  PERSISTENT,
  PERSISTENT_SEQUENTIAL,
  type ZookeeperSession,
} from './zookeeper-session.ts'
import type { ZookeeperTransaction } from './zookeeper-transaction.ts'

/** The jobs of a board that were given up: beside its own folder, as TaskFlow and Zag keep them. */
export class ZookeeperTrash {
  readonly #board: string
  readonly #folder: string

  constructor(board: string) {
    this.#board = board
    this.#folder = posix.join(posix.dirname(board), '.trash')
  }

  async setUp(session: ZookeeperSession): Promise<void> {
    await session.ensurePath(this.#folder)
  }

  /** Where the job of this path goes when it is given up. */
  pathFor(path: string): string {
    return `${this.#folder}/${posix.basename(path)}`
  }

  async jobs(session: ZookeeperSession): Promise<(Job & { readonly failure: unknown })[]> {
    const posted = await readJobs(session, this.#folder)
    return posted.map(({ job, posting }) => ({
      ...job,
      state: 'TRASHED' as const,
      failure: posting.details.failure ?? null,
    }))
  }

  /**
   * Gives a job up; one that runs ends without a revert. False where it is gone already. Throws UnclaimableJob where it is
   * claimed, freed or changed at each attempt.
   */
  async put(session: ZookeeperSession, path: string): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const found = await readJob(session, path)
      if (found === undefined) return false
      try {
        await session.commit((transaction) => this.#moved(transaction, found))
        return true
      } catch (error) {
        if (!isConflict(error)) throw error
        if (attempt < PUT_ATTEMPTS) continue
        const message = `job ${found.job.uuid} is changed again and again: try again`
        throw new UnclaimableJob(message, { cause: error })
      }
    }
  }

  #moved(transaction: ZookeeperTransaction, found: Posted): ZookeeperTransaction {
    const { path, node, job, posting } = found
    const moved = transaction.create(this.pathFor(path), bytesOf(trashedOf(posting)), PERSISTENT)
    if (job.owner === null) return withoutFree(moved, found)
    return moved.remove(path, node.version).remove(lockOf(path), -1)
  }

  /** Puts a job back on the board, by its own or its flow's id, as if it had not been tried. */
  async replay(session: ZookeeperSession, id: string): Promise<void> {
    const trashed = await readJobs(session, this.#folder)
    const found = trashed.find(({ job }) => job.uuid === id || job.flowId === id)
    const isBack =
      found !== undefined &&
      (await this.#putBack(session, found, { as: JOB, data: bytesOf(untried(found.posting)) }))
    if (!isBack) throw new JobNotFound(`board "${this.#board}" has no such job: ${id}`)
  }

  /** A conductor of TaskFlow trashes what it cannot run. Our jobs among that come back, where it does not see them. */
  async takeBack(session: ZookeeperSession): Promise<void> {
    for (const found of await readJobs(session, this.#folder)) {
      const { flow, is_trashed: isTrashed } = found.posting.details
      if (flow === undefined || isTrashed === true) continue
      await this.#putBack(session, found, { as: OURS, data: found.node.data })
    }
  }

  /** Moves a job from the trash to the board; false where another was quicker. */
  async #putBack(
    session: ZookeeperSession,
    { path, node }: Posted,
    { as, data }: { readonly as: string; readonly data: Buffer },
  ): Promise<boolean> {
    try {
      await session.commit((transaction) =>
        transaction
          .remove(path, node.version)
          .create(`${this.#board}/${as}`, data, PERSISTENT_SEQUENTIAL),
      )
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
      return false
    }
  }
}

/** A job may be claimed or freed while it is given up. */
const PUT_ATTEMPTS = 5

function untried(posting: Posting): Posting {
  const {
    attempts: _attempts,
    failure: _failure,
    run_at: _runAt,
    is_trashed: _isTrashed,
    ...details
  } = posting.details
  return { ...posting, details }
}
