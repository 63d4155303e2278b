import { posix } from 'node:path'
import { JobNotFound } from '../board-errors.ts'
import type { Job } from '../job.ts'
import { JOB, OURS, type Posted, readJobs } from './posted-jobs.ts'
import { bytesOf, type Posting, trashedOf } from './posting.ts'
import { lockOf } from './zookeeper-claim.ts'
import {
  isCode,
  PERSISTENT,
  PERSISTENT_SEQUENTIAL,
  type ZookeeperSession,
} from './zookeeper-session.ts'

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

  /** Gives a job up; one that runs ends without a revert. */
  async put(session: ZookeeperSession, { path, node, job, posting }: Posted): Promise<void> {
    await session.commit((transaction) => {
      const moved = transaction
        .create(this.pathFor(path), bytesOf(trashedOf(posting)), PERSISTENT)
        .remove(path, node.version)
      return job.owner === null ? moved : moved.remove(lockOf(path), -1)
    })
  }

  /** Puts a job back on the board, by its own or its flow's id, as if it had not been tried. */
  async replay(session: ZookeeperSession, id: string): Promise<void> {
    const trashed = await readJobs(session, this.#folder)
    const found = trashed.find(({ job }) => job.uuid === id || job.flowId === id)
    if (found === undefined) throw new JobNotFound(`board "${this.#board}" has no such job: ${id}`)
    const data = bytesOf(untried(found.posting))
    await session.commit((transaction) =>
      transaction
        .remove(found.path, found.node.version)
        .create(`${this.#board}/${JOB}`, data, PERSISTENT_SEQUENTIAL),
    )
  }

  /** A conductor of TaskFlow trashes what it cannot run. Our jobs among that come back, where it does not see them. */
  async takeBack(session: ZookeeperSession): Promise<void> {
    for (const { path, node, posting } of await readJobs(session, this.#folder)) {
      const { flow, is_trashed: isMeant } = posting.details
      if (flow === undefined || isMeant === true) continue
      await session
        .commit((transaction) =>
          transaction
            .remove(path, node.version)
            .create(`${this.#board}/${OURS}`, node.data, PERSISTENT_SEQUENTIAL),
        )
        .catch((error: unknown) => {
          if (!isCode(error, 'NO_NODE', 'BAD_VERSION')) throw error // another was quicker
        })
    }
  }
}

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
