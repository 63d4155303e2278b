import { posix } from 'node:path'
import type { ZookeeperSession } from './zookeeper-session.ts'

const ANY_VERSION = -1

/** Calls those who wait for news of a board: a job was posted or taken away, or was changed where it is. */
export class ZookeeperNews {
  readonly #jobs: string
  /** Written at each change of a job in its place, which a watch on the folder of jobs does not see. */
  readonly #node: string
  readonly #listeners = new Set<() => void>()

  constructor(jobs: string) {
    this.#jobs = jobs
    this.#node = posix.join(posix.dirname(jobs), '.news')
  }

  /** Calls back at each piece of news, until the function returned is called. */
  listen(onNews: () => void): () => void {
    this.#listeners.add(onNews)
    return () => void this.#listeners.delete(onNews)
  }

  async setUp(session: ZookeeperSession): Promise<void> {
    await session.ensurePath(this.#node)
    await this.#watch(session, async (onChange) => session.watchChildren(this.#jobs, onChange))
    await this.#watch(session, async (onChange) => session.watchData(this.#node, onChange))
  }

  /** Calls all who listen, in other processes too. */
  async announce(session: ZookeeperSession): Promise<void> {
    await session.write(this.#node, Buffer.alloc(0), ANY_VERSION)
  }

  /** A watch of ZooKeeper calls back once, and is set again. */
  async #watch(
    session: ZookeeperSession,
    set: (onChange: () => void) => Promise<void>,
  ): Promise<void> {
    await set(() => {
      for (const listener of this.#listeners) listener()
      if (!session.isOver) this.#watch(session, set).catch(() => undefined) // jobs are looked for in any case
    })
  }
}
