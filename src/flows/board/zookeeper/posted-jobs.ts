import { type Job, rankOf } from '../job.ts'
import { jobOf, type Posting, postingOf } from './posting.ts'
import { lockOf } from './zookeeper-claim.ts'
import type { Node, ZookeeperSession } from './zookeeper-session.ts'

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
    names.filter(isJob).map(async (name): Promise<Posted[]> => {
      const path = `${folder}/${name}`
      const node = await session.read(path)
      const posting = node && postingOf(node)
      if (node === undefined || posting === undefined) return []
      const owner = locks.has(lockOf(name)) ? await ownerOf(session, path) : null
      return [{ path, node, posting, job: jobOf(posting, node, owner) }]
    }),
  )
  return found.flat().sort(byPriorityAndAge)
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
