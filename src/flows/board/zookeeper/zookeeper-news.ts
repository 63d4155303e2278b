import { posix } from 'node:path'
import type { ZookeeperSession } from './zookeeper-session.ts'

const ANY_VERSION = -1

/** Notifies listeners of every change to the jobs of a board: one was posted, claimed, freed, changed or removed. */
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

  /** Notifies the listeners of all processes that a job was changed in its place. */
  async announce(session: ZookeeperSession): Promise<void> {
    await session.write(this.#node, Buffer.alloc(0), ANY_VERSION)
  }

  /**
   * A watch of ZooKeeper calls back once. It is set again before listeners read the board: a change that comes after they have
   * read calls it.
   */
  async #watch(
    session: ZookeeperSession,
    set: (onChange: () => void) => Promise<void>,
  ): Promise<void> {
    await set(() => {
      const again = session.isOver ? Promise.resolve() : this.#watch(session, set)
      void again
        .catch(() => undefined) // without a watch, conductors still look every few seconds
        .then(() => this.#notify())
    })
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
