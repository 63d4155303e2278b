import { MemoryStore, ZookeeperBoard } from 'celery-toolbox/flows'
import { expect, onTestFinished, test } from 'vitest'
import { type Posted, readJob } from '../../../src/flows/board/zookeeper/posted-jobs.ts'
import { ZookeeperJobs } from '../../../src/flows/board/zookeeper/zookeeper-jobs.ts'
import { ZookeeperNews } from '../../../src/flows/board/zookeeper/zookeeper-news.ts'
import { ZookeeperSession } from '../../../src/flows/board/zookeeper/zookeeper-session.ts'
import { ZookeeperTrash } from '../../../src/flows/board/zookeeper/zookeeper-trash.ts'
import { waitFor } from '../../support/wait-for.ts'
import { hasZookeeper, startZookeeper } from '../../support/zookeeper.ts'

const SESSION_MS = 2_000

/** A board, and its jobs as one of its sessions has them. */
async function openedJobs() {
  const hosts = await startZookeeper()
  const store = new MemoryStore()
  const board = new ZookeeperBoard({ hosts, store, sessionMs: SESSION_MS })
  onTestFinished(() => board.close())
  const job = await board.post('double', { n: 1 })
  const session = await ZookeeperSession.open(hosts, SESSION_MS)
  onTestFinished(() => session.close())
  const trash = new ZookeeperTrash(board.name)
  const news = new ZookeeperNews(board.name)
  const jobs = new ZookeeperJobs({ folder: board.name, store, trash, news })
  const [posted] = (await jobs.all(session)) as [Posted]
  return { board, job, session, jobs, posted, trash }
}

test.skipIf(!hasZookeeper)(
  'a job that is suspended in the moment in which its owner frees it is free, and suspended',
  async () => {
    const { board, job, session, jobs, posted } = await openedJobs()
    const claim = await jobs.claim(session, posted, 'one')
    const commit = session.commit.bind(session)
    let commits = 0
    session.commit = async (build) => {
      commits += 1
      if (commits === 1) await board.suspend(job.uuid)
      await commit(build)
    }
    await claim.release({ signals: ['go'] })
    expect(commits).toBe(2)
    expect(await board.find(job.uuid)).toMatchObject({ owner: null, runAt: null, isHeld: true })
  },
)

test.skipIf(!hasZookeeper)(
  'a signal that comes while its job is released makes it due, and conductors are notified',
  async () => {
    const { board, job, session, jobs, posted } = await openedJobs()
    const claim = await jobs.claim(session, posted, 'one')
    const commit = session.commit.bind(session)
    session.commit = async (build) => {
      await board.signal(job.flowId, 'go')
      await commit(build)
    }
    const before = await session.read('/taskflow/.news')
    await claim.release({ signals: ['go'] })
    expect((await board.find(job.uuid))?.runAt).toBeInstanceOf(Date)
    const after = await session.read('/taskflow/.news')
    expect(after?.version).toBe(Number(before?.version) + 1)
  },
)

test.skipIf(!hasZookeeper)(
  'a claim that fails once its lock is made leaves no lock, and the job can be claimed',
  async () => {
    const { board, session, jobs, posted } = await openedJobs()
    const read = session.read.bind(session)
    session.read = async (path) => {
      if (!path.endsWith('.lock')) return await read(path)
      session.read = read
      throw new Error('ZooKeeper has not answered')
    }
    await expect(jobs.claim(session, posted, 'one')).rejects.toThrow('ZooKeeper has not answered')
    expect((await readJob(session, posted.path))?.job.owner).toBeNull()
    expect((await board.claimNext('two', ['double']))?.job.owner).toBe('two')
  },
)

test.skipIf(!hasZookeeper)(
  'a job that was suspended since it was read is not claimed',
  async () => {
    const { board, job, session, jobs, posted } = await openedJobs()
    await board.suspend(job.uuid)
    await expect(jobs.claim(session, posted, 'one')).rejects.toMatchObject({
      name: 'UnclaimableJob',
    })
    expect(await board.find(job.uuid)).toMatchObject({ owner: null, isHeld: true })
  },
)

test.skipIf(!hasZookeeper)(
  'of two who replay a trashed job at once, one is told that it is not there any more',
  async () => {
    const { board, job, session, posted, trash } = await openedJobs()
    await trash.put(session, posted.path)
    const commit = session.commit.bind(session)
    session.commit = async (build) => {
      await board.replay(job.uuid)
      await commit(build)
    }
    await expect(trash.replay(session, job.uuid)).rejects.toMatchObject({ name: 'JobNotFound' })
    expect(await board.jobCount()).toBe(1)
  },
)

test.skipIf(!hasZookeeper)(
  'a job that is changed again and again cannot be trashed, and who tries is told so',
  async () => {
    const { board, job, session, posted, trash } = await openedJobs()
    const commit = session.commit.bind(session)
    session.commit = async (build) => {
      await board.suspend(job.uuid)
      await commit(build)
    }
    await expect(trash.put(session, posted.path)).rejects.toMatchObject({ name: 'UnclaimableJob' })
    expect(await board.jobCount()).toBe(1)
  },
)

const CONNECTION_LOSS = Object.assign(new Error('CONNECTION_LOSS[-4]'), { code: -4 })

test.skipIf(!hasZookeeper)(
  'a claim whose answer is lost with the connection leaves no lock; another session keeps its own',
  async () => {
    const { board, job, session, jobs, posted } = await openedJobs()
    const commit = session.commit.bind(session)
    session.commit = async (build) => {
      await commit(build)
      throw CONNECTION_LOSS
    }
    await expect(jobs.claim(session, posted, 'one')).rejects.toThrow('CONNECTION_LOSS')
    expect(await board.findOwner(job.uuid)).toBeNull()
    await board.claim(job, 'one')
    session.commit = async () => {
      throw CONNECTION_LOSS
    }
    await expect(jobs.claim(session, posted, 'one')).rejects.toThrow('CONNECTION_LOSS')
    expect(await board.findOwner(job.uuid)).toBe('one')
  },
)

test.skipIf(!hasZookeeper)('a job is settled though the connection is lost meanwhile', async () => {
  const { board, job, session, jobs, posted } = await openedJobs()
  const claim = await jobs.claim(session, posted, 'one')
  const commit = session.commit.bind(session)
  session.commit = async () => {
    session.commit = commit
    throw CONNECTION_LOSS
  }
  await claim.consume()
  expect(await board.find(job.uuid)).toBeUndefined()
})

test.skipIf(!hasZookeeper)('a job that cannot be settled is free for others', async () => {
  const { board, job, session, jobs, posted } = await openedJobs()
  const claim = await jobs.claim(session, posted, 'one')
  session.commit = async () => {
    throw new Error('the disk of ZooKeeper is full')
  }
  await expect(claim.consume()).rejects.toThrow('the disk of ZooKeeper is full')
  expect((await board.claim(job, 'two')).job.owner).toBe('two')
})

test.skipIf(!hasZookeeper)(
  'a claim that was lost by silence is free once ZooKeeper answers, though its session lives on',
  async () => {
    const { board, job, session, jobs, posted } = await openedJobs()
    const claim = await jobs.claim(session, posted, 'one')
    const read = session.read.bind(session)
    session.read = async () => {
      throw new Error('ZooKeeper has not answered')
    }
    await waitFor('the loss of the claim', () => claim.lost.aborted)
    expect(await board.findOwner(job.uuid)).toBe('one')
    session.read = read
    await waitFor('a free job', async () => (await board.findOwner(job.uuid)) === null)
  },
)
