import { type Job, rankOf } from '../job.ts'
import { bytesOf, jobOf, type PostedDetails, type Posting, postingOf } from './posting.ts'
import { EPHEMERAL, isConflict, type Node, type ZookeeperSession } from './zookeeper-session.ts'
import type { ZookeeperTransaction } from './zookeeper-transaction.ts'

/** A job as it was found in a folder of ZooKeeper. */
export interface Posted {
  readonly path: string
  readonly node: Node
  readonly posting: Posting
  readonly job: Job
}

/** What the nodes of jobs are called; ZooKeeper puts a number behind it. */
export const JOB = 'job'
/** Conductors of TaskFlow pass over jobs that are called like this. */
export const OURS = 'flow'
/** Of the digits that ZooKeeper puts behind a name. */
export const NUMBER_LENGTH = 10

/** The names of jobs; beside each that has an owner stands its lock. */
export function isJob(name: string): boolean {
  return /^(?:job|flow)\d+$/.test(name)
}

/** The jobs of a folder: highest priority first, then oldest. What cannot be read is left out. */
export async function readJobs(session: ZookeeperSession, folder: string): Promise<Posted[]> {
  const names = await session.children(folder)
  const locks = new Set(names.filter((name) => name.endsWith('.lock')))
  const found = await Promise.all(
    names.filter(isJob).map(async (name) => {
      const path = `${folder}/${name}`
      const node = await session.read(path)
      const owner = locks.has(lockOf(name)) ? await ownerOf(session, path) : null
      return postedOf(path, node, owner)
    }),
  )
  return found.filter((one) => one !== undefined).sort(byPriorityAndAge)
}

/** Undefined where it is gone. */
export async function readJob(
  session: ZookeeperSession,
  path: string,
): Promise<Posted | undefined> {
  const [node, owner] = await Promise.all([session.read(path), ownerOf(session, path)])
  return postedOf(path, node, owner)
}

function postedOf(path: string, node: Node | undefined, owner: string | null): Posted | undefined {
  const posting = node && postingOf(node)
  if (node === undefined || posting === undefined) return undefined
  return { path, node, posting, job: jobOf(posting, node, owner) }
}

/** The lock of a job stands beside it. */
export function lockOf(path: string): string {
  return `${path}.lock`
}

/**
 * Adds the removal of a job without an owner. The transaction creates and removes the job's lock as well, so it fails as a
 * whole where a conductor has claimed the job, and so made that lock, since the job was read.
 */
export function withoutFree(
  transaction: ZookeeperTransaction,
  { path, node }: Posted,
): ZookeeperTransaction {
  const lock = lockOf(path)
  return transaction
    .create(lock, Buffer.alloc(0), EPHEMERAL)
    .remove(lock, -1)
    .remove(path, node.version)
}

/** Changes a job in its place, and tries again after each concurrent change; false where it is gone. */
export async function change(
  session: ZookeeperSession,
  path: string,
  changes: () => Partial<PostedDetails>,
): Promise<boolean> {
  for (;;) {
    const node = await session.read(path)
    const posting = node && postingOf(node)
    if (node === undefined || posting === undefined) return false
    const details = { ...posting.details, ...changes() }
    try {
      await session.write(path, bytesOf({ ...posting, details }), node.version)
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
    }
  }
}

async function ownerOf(session: ZookeeperSession, path: string): Promise<string | null> {
  const lock = await session.read(lockOf(path))
  if (lock === undefined) return null
  try {
    return String(JSON.parse(lock.data.toString('utf8')).owner)
  } catch {
    return 'unknown'
  }
}

/** The number behind a job's name grows with each. */
function byPriorityAndAge(one: Posted, other: Posted): number {
  const byPriority = rankOf(other.posting.priority) - rankOf(one.posting.priority)
  const numberOf = ({ path }: Posted) => path.slice(-NUMBER_LENGTH)
  return byPriority || (numberOf(one) < numberOf(other) ? -1 : 1)
}
