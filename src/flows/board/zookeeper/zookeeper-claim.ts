import { randomUUID } from 'node:crypto'
import type { Failure } from '../../failures/failure.ts'
import type { FlowStore } from '../../storage/flow-store.ts'
import type { FlowWait } from '../../waits/flow-wait.ts'
import type { Claim } from '../job.ts'
import { nextRun } from '../job-schedule.ts'
import { LeasedClaim, type LeasedClaimParts } from '../leased-claim.ts'
import { change, lockOf } from './posted-jobs.ts'
import { bytesOf, type PostedDetails, type Posting, postingOf, trashedOf } from './posting.ts'
import type { ZookeeperNews } from './zookeeper-news.ts'
import {
  isConflict,
  isConnectionLost,
  PERSISTENT,
  PERSISTENT_SEQUENTIAL,
  type ZookeeperSession,
} from './zookeeper-session.ts'

/** Its epoch is the transaction that made the lock. */
interface ZookeeperClaimParts extends LeasedClaimParts {
  /** Of the job; the lock is beside it. */
  readonly path: string
  readonly trashPath: string
  readonly jobPrefix: string
  readonly store: FlowStore
  readonly news: ZookeeperNews
}

/** A job whose lock lives as long as our session. Silence for as long as a session lasts is taken for its end. */
export class ZookeeperClaim extends LeasedClaim implements Claim {
  readonly #session: ZookeeperSession
  readonly #parts: ZookeeperClaimParts
  #isSettled = false

  constructor(session: ZookeeperSession, parts: ZookeeperClaimParts) {
    super(parts, session.timeoutMs)
    this.#session = session
    this.#parts = parts
  }

  async consume(): Promise<void> {
    await this.#settle((posting) => {
      const { schedule } = posting.details
      return schedule ? postedAgain(posting, schedule) : { posting, fate: 'gone' }
    })
  }

  async abandon(failure?: Failure): Promise<void> {
    await this.#settle((posting) => {
      if (failure === undefined) return { posting, fate: 'free' }
      const attempts = (posting.details.attempts ?? 0) + 1
      return changed(posting, { attempts, failure: failure.toJSON() })
    })
  }

  async release({ until, signals }: FlowWait): Promise<void> {
    const wait = { run_at: until === undefined ? null : until / 1000, waits_for: signals }
    await this.#settle((posting) => changed(posting, wait))
    // A signal that came before the job waited for it has woken nothing.
    const { store, path, news } = this.#parts
    const come = await store.signals(this.job.flowId)
    if (!come.some(({ name }) => signals.includes(name))) return
    await change(this.#session, path, woken)
    await news.announce(this.#session)
  }

  async trash(failure?: Failure): Promise<void> {
    await this.#settle((posting) => {
      const trashed = trashedOf(posting)
      if (failure === undefined) return { posting: trashed, fate: 'trash' }
      const details = { ...trashed.details, failure: failure.toJSON() }
      return { posting: { ...trashed, details }, fate: 'trash' }
    })
  }

  /** In the session that made the lock: where that is over, the server takes nothing any more. */
  async #settle(decide: (posting: Posting) => Decision): Promise<void> {
    const isLost = this.lost.aborted
    this.#isSettled = true
    this.letGo()
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (isLost) throw this.notOurs()
        await this.#commit(decide)
        return
      } catch (error) {
        // It was suspended, woken or has another schedule since it was read.
        const isWorthAnother = isConflict(error) || isConnectionLost(error)
        if (isWorthAnother && attempt < SETTLE_ATTEMPTS) continue
        await this.#unlock().catch(() => undefined) // without a connection it ends with its session
        throw error
      }
    }
  }

  /** A lock that is left would keep the job from all conductors for as long as the session lasts. */
  async #unlock(): Promise<void> {
    const lock = lockOf(this.#parts.path)
    const held = await this.#session.read(lock)
    if (held?.madeBy === this.epoch) await this.#session.remove(lock)
  }

  async #commit(decide: (posting: Posting) => Decision): Promise<void> {
    const { path, trashPath, jobPrefix } = this.#parts
    const lock = lockOf(path)
    const [node, held] = await Promise.all([this.#session.read(path), this.#session.read(lock)])
    const posting = node && postingOf(node)
    if (node === undefined || posting === undefined || held?.madeBy !== this.epoch)
      throw this.notOurs()
    const { posting: next, fate } = decide(posting)
    await this.#session.commit((transaction) => {
      const freed = transaction.remove(lock, -1)
      if (fate === 'free') return freed
      if (fate === 'changed') return freed.setData(path, bytesOf(next), node.version)
      const gone = freed.remove(path, node.version)
      if (fate === 'again') return gone.create(jobPrefix, bytesOf(next), PERSISTENT_SEQUENTIAL)
      return fate === 'trash' ? gone.create(trashPath, bytesOf(next), PERSISTENT) : gone
    })
  }

  /** Whether the lock is there still; it is taken from us where the job is killed. */
  protected async extend(): Promise<void> {
    if (this.#session.isOver) {
      this.letGo() // its locks ended with it
      return
    }
    const sinceMs = performance.now()
    const { path } = this.#parts
    const [node, lock] = await Promise.all([
      this.#session.read(path),
      this.#session.read(lockOf(path)),
    ])
    if (lock?.madeBy !== this.epoch) {
      this.letGo()
      return
    }
    if (this.#isSettled) return
    if (this.lost.aborted) {
      // ZooKeeper was silent for so long that the run was given up, but has kept the session.
      this.stopExtending()
      await this.#session.remove(lockOf(path))
      return
    }
    this.term.extend(sinceMs)
    if (node !== undefined && postingOf(node)?.details.is_held === true) this.hold()
  }
}

/** A job may be changed, or the connection lost, while it is settled, but hardly so often. */
const SETTLE_ATTEMPTS = 10

interface Decision {
  readonly posting: Posting
  readonly fate: 'gone' | 'free' | 'changed' | 'again' | 'trash'
}

/** With the values that it was posted with, for a run of its own: nothing is left of the last. */
function postedAgain({ book, details, ...posting }: Posting, schedule: string): Decision {
  const {
    resume_from: _from,
    resume_with: _with,
    waits_for: _waitsFor,
    failure: _failure,
    ...kept
  } = details
  const next = randomUUID()
  return {
    fate: 'again',
    posting: {
      ...posting,
      book: book.uuid === details.flow_uuid ? { ...book, uuid: next } : book,
      details: {
        ...kept,
        flow_uuid: next,
        run_at: Math.round(nextRun(schedule).getTime() / 1000),
        attempts: 0,
      },
    },
  }
}

function changed(posting: Posting, details: Partial<PostedDetails>): Decision {
  return { fate: 'changed', posting: { ...posting, details: { ...posting.details, ...details } } }
}

/** What it waited for has come. */
export function woken(): Partial<PostedDetails> {
  return { run_at: Date.now() / 1000, waits_for: [] }
}
