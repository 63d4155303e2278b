import { ZookeeperSession } from './zookeeper-session.ts'

interface SessionParts {
  readonly hosts: string
  readonly sessionMs: number
  /** Called with each new session, before anyone may use it. */
  readonly onOpen: (session: ZookeeperSession) => Promise<void>
}

/** One session at a time; where the last is over, another. */
export class SessionKeeper {
  readonly #parts: SessionParts
  #opening: Promise<ZookeeperSession> | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
  }

  async current(): Promise<ZookeeperSession> {
    const last = await this.#opening?.catch(() => undefined)
    if (last === undefined || last.isOver) this.#opening = this.#open(this.#opening)
    return await (this.#opening as Promise<ZookeeperSession>) // set just now, or found
  }

  async close(): Promise<void> {
    const session = await this.#opening?.catch(() => undefined)
    session?.close()
  }

  /** Of several who ask at once, the first opens it. */
  async #open(before: Promise<ZookeeperSession> | undefined): Promise<ZookeeperSession> {
    const last = await before?.catch(() => undefined)
    if (last !== undefined && !last.isOver) return last
    const { hosts, sessionMs, onOpen } = this.#parts
    const session = await ZookeeperSession.open(hosts, sessionMs)
    try {
      await onOpen(session)
      return session
    } catch (error) {
      session.close() // left open, it would keep its watches and ephemeral nodes
      throw error
    }
  }
}
