import type { FlowStore } from '../../storage/flow-store.ts'
import { JobNotFound, UnclaimableJob } from '../board-errors.ts'
import type { Job } from '../job.ts'
import type { AwaitedSignal } from '../job-board.ts'
import {
  change,
  isJob,
  JOB,
  lockOf,
  NUMBER_LENGTH,
  type Posted,
  readJobs,
  withoutFree,
} from './posted-jobs.ts'
import { bytesOf, jobOf, newJobOf, type PostedDetails, type Posting } from './posting.ts'
import { woken, ZookeeperClaim } from './zookeeper-claim.ts'
import type { ZookeeperNews } from './zookeeper-news.ts'
import {
  EPHEMERAL,
  isConflict,
  type Node,
  PERSISTENT_SEQUENTIAL,
  type ZookeeperSession,
} from './zookeeper-session.ts'
import type { ZookeeperTrash } from './zookeeper-trash.ts'

interface JobsParts {
  /** The path of the board: one node for each job, and beside it the lock of its owner. */
  readonly folder: string
  /** Where the runs of the jobs are kept. */
  readonly store: FlowStore
  readonly trash: ZookeeperTrash
  readonly news: ZookeeperNews
}

/** The jobs of a board: how their nodes are read, made, claimed, changed and replaced. */
export class ZookeeperJobs {
  readonly #parts: JobsParts

  constructor(parts: JobsParts) {
    this.#parts = parts
  }

  /** Highest priority first, then oldest. */
  async all(session: ZookeeperSession): Promise<Posted[]> {
    return await readJobs(session, this.#parts.folder)
  }

  async count(session: ZookeeperSession): Promise<number> {
    return (await session.children(this.#parts.folder)).filter(isJob).length
  }

  /** By the job's uuid or its flow's id. */
  async find(session: ZookeeperSession, id: string): Promise<Posted | undefined> {
    return (await this.all(session)).find(({ job }) => job.uuid === id || job.flowId === id)
  }

  async add(session: ZookeeperSession, posting: Posting): Promise<Job> {
    const prefix = `${this.#parts.folder}/${JOB}`
    const path = await session.create(prefix, bytesOf(posting), PERSISTENT_SEQUENTIAL)
    const node = await session.read(path)
    return node === undefined ? newJobOf(posting) : jobOf(posting, node, null)
  }

  /** Posts a job in place of one that has no owner; throws UnclaimableJob where that has changed since it was read. */
  async replace(
    session: ZookeeperSession,
    posted: Posted | undefined,
    posting: Posting,
  ): Promise<Job> {
    const prefix = `${this.#parts.folder}/${JOB}`
    try {
      await session.commit((transaction) => {
        const all = posted ? withoutFree(transaction, posted) : transaction
        return all.create(prefix, bytesOf(posting), PERSISTENT_SEQUENTIAL)
      })
    } catch (error) {
      if (!isConflict(error)) throw error
      const message = `the job of the run ${posting.details.flow_uuid} was changed meanwhile: try again`
      throw new UnclaimableJob(message, { cause: error })
    }
    return newJobOf(posting)
  }

  /** Throws UnclaimableJob where another owner has it, or it has changed since it was read. */
  async claim(session: ZookeeperSession, posted: Posted, owner: string): Promise<ZookeeperClaim> {
    const { path, node, posting } = posted
    const { store, trash, news } = this.#parts
    const sinceMs = performance.now()
    return new ZookeeperClaim(session, {
      epoch: await lock(session, posted, owner),
      job: jobOf(posting, node, owner),
      owner,
      path,
      trashPath: trash.pathFor(path),
      jobPrefix: path.slice(0, -NUMBER_LENGTH),
      store,
      news,
      sinceMs,
    })
  }

  /** Changes a job where it is, found by its uuid or its flow's id. */
  async change(
    session: ZookeeperSession,
    id: string,
    changes: (job: Job) => Partial<PostedDetails>,
  ): Promise<void> {
    const found = await this.find(session, id)
    const isThere = found && (await change(session, found.path, () => changes(found.job)))
    if (isThere !== true)
      throw new JobNotFound(`board "${this.#parts.folder}" has no such job: ${id}`)
  }

  /** Makes the job of a flow due where it waits for this signal; answers whether it did. */
  async wake(session: ZookeeperSession, flowId: string, signal: string): Promise<boolean> {
    const posted = await this.find(session, flowId)
    const isAwaited = posted?.posting.details.waits_for?.includes(signal) === true
    if (posted === undefined || !isAwaited || posted.job.owner !== null) return false
    return await change(session, posted.path, woken)
  }

  /** Every signal that a job without an owner waits for. */
  async awaited(session: ZookeeperSession): Promise<AwaitedSignal[]> {
    const waiting = (await this.all(session)).filter(({ job }) => job.owner === null && !isDue(job))
    return waiting.flatMap(({ job: { flowId }, posting }) =>
      (posting.details.waits_for ?? []).map((signal) => ({ flowId, signal })),
    )
  }
}

export function isFree(job: Job): boolean {
  return job.state === 'UNCLAIMED' && isDue(job) && !job.isHeld
}

export function isDue({ runAt }: Job): boolean {
  return runAt !== null && runAt.getTime() <= Date.now()
}

/** Answers the transaction that made the lock: that of a later owner is greater. */
async function lock(
  session: ZookeeperSession,
  { path, node, posting }: Posted,
  owner: string,
): Promise<number> {
  const lockPath = lockOf(path)
  const data = Buffer.from(JSON.stringify({ owner }))
  try {
    await session.commit((transaction) =>
      transaction.check(path, node.version).create(lockPath, data, EPHEMERAL),
    )
  } catch (error) {
    if (!isConflict(error)) {
      await session.removeOwn(lockPath, data).catch(() => undefined) // it may have been made, its answer lost
      throw error
    }
    const message = `job ${posting.uuid} has another owner, was changed meanwhile or is gone`
    throw new UnclaimableJob(message, { cause: error })
  }
  const made = await readOrRemove(session, lockPath)
  if (made === undefined)
    throw new UnclaimableJob(`job ${posting.uuid} was removed from the board while it was claimed`)
  return made.madeBy
}

/** A lock that no claim knows of would keep its job from all conductors for as long as the session lasts. */
async function readOrRemove(session: ZookeeperSession, path: string): Promise<Node | undefined> {
  try {
    return await session.read(path)
  } catch (error) {
    await session.remove(path).catch(() => undefined) // without a connection it ends with its session
    throw error
  }
}
