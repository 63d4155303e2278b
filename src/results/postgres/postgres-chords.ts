import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { despiteFailures } from '../../async/despite-failures.ts'
import { Gather } from '../../async/gather.ts'
import { sleep } from '../../async/sleep.ts'
import { pendingResult, type TaskResult } from '../../protocol/results/task-result.ts'
import type { ChordCounter, ChordMember, HandedOver, Release, Unlock } from '../result-store.ts'
import { ChordLocks } from './chord-locks.ts'
import { type ChordState, ChordTable, type ChordTableOptions, idsIn } from './tables/chord-table.ts'

interface PostgresChordsOptions extends ChordTableOptions {
  /** Saves a member's result and counts it; undefined where the count of its chord was never begun. */
  readonly save: (member: ChordMember) => Promise<ChordState | undefined>
  /** The results, of these ids, whose tasks are over. */
  readonly readReady: (taskIds: readonly string[]) => Promise<readonly TaskResult[]>
}

const MOST_MEMBERS = 1000
const ELSEWHERE_BACKOFF: Backoff = { initialMs: 20, factor: 2, maxMs: 1000, jitter: 0.5 }

/**
 * A row counts the members of a chord. The process that counts the last one releases it, under a lock that ends with its
 * process; until that has succeeded, everyone who counts a member again tries too.
 */
export class PostgresChords implements ChordCounter {
  readonly #options: PostgresChordsOptions
  readonly #table: ChordTable
  readonly #locks: ChordLocks
  readonly #members: Gather<ChordMember, ChordState | undefined>
  /** Releases under way in this process, and whether each has come to be. */
  readonly #releasing = new Map<string, Promise<boolean>>()

  constructor(options: PostgresChordsOptions) {
    this.#options = options
    this.#table = new ChordTable(options)
    this.#locks = new ChordLocks(options.database, options.deadlineMs)
    this.#members = new Gather((members) => this.#count(members), MOST_MEMBERS)
  }

  begin(groupId: string, size: number, memberIds?: readonly string[]): Promise<void> {
    return this.#table.begin(groupId, size, memberIds)
  }

  beginOnce(groupId: string, size: number): Promise<void> {
    return this.#table.beginOnce(groupId, size)
  }

  async memberDone(member: ChordMember, release: Release): Promise<boolean> {
    // No text in PostgreSQL holds a NUL: such a chord cannot have begun, and it must not spoil a batch.
    if (member.groupId.includes('\0')) return false
    return await this.#counted(await this.#members.ask(member), release)
  }

  async saveMember(member: ChordMember, release: Release): Promise<boolean> {
    return await this.#counted(await this.#options.save(member), release)
  }

  async handOver({ groupId, body }: HandedOver, unlock: Unlock): Promise<void> {
    if (groupId.includes('\0')) return
    for (let attempt = 1; ; attempt += 1) {
      const isAlone = await this.#alone(groupId, async () => {
        const memberIds = await this.#table.handOver(groupId, body)
        if (memberIds !== undefined) await this.#unlock(groupId, memberIds, unlock)
      })
      if (isAlone) return
      // Another is at it, and may fail: only then this one has to.
      await sleep(backoffDelayMs(ELSEWHERE_BACKOFF, attempt))
    }
  }

  async releaseAbandoned(
    releaseOf: (body: string) => Release | undefined,
    unlockOf: (groupId: string, body: string) => Unlock | undefined = () => undefined,
  ): Promise<number> {
    return await despiteFailures(await this.#table.unreleased(), async (chord) => {
      const { groupId, body, memberIds } = chord
      if (this.#releasing.has(groupId)) return false
      const release = releaseOf(body)
      const unlock = unlockOf(groupId, body)
      // Where it is being released, or handed over, elsewhere, it is not abandoned.
      if (memberIds !== null && unlock !== undefined) {
        await this.#alone(groupId, async () => this.#unlock(groupId, idsIn(memberIds), unlock))
        return true
      }
      if (memberIds !== null || release === undefined) return false
      let isReleased = false
      await this.#tryRelease(groupId, async (results) => {
        await release(results)
        isReleased = true
      })
      return isReleased
    })
  }

  async #unlock(groupId: string, memberIds: readonly string[], unlock: Unlock): Promise<void> {
    await unlock(memberIds)
    await this.#table.waitedFor(groupId)
  }

  /** Resolves when nothing is being counted or released. */
  async drain(): Promise<void> {
    await this.#members.drain()
    await Promise.allSettled(this.#releasing.values())
    await this.#locks.drain()
  }

  async #counted(chord: ChordState | undefined, release: Release): Promise<boolean> {
    if (chord === undefined) return false
    if (chord.isComplete && !chord.isReleased) await this.#releaseOnce(chord.groupId, release)
    return true
  }

  async #count(members: readonly ChordMember[]): Promise<(ChordState | undefined)[]> {
    const states = await this.#table.count(members)
    const byGroup = new Map(states.map((state) => [state.groupId, state]))
    return members.map(({ groupId }) => byGroup.get(groupId))
  }

  /** Resolves once it is released, by whomever. */
  async #releaseOnce(groupId: string, release: Release): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const here = this.#releasing.get(groupId)
      if (here === undefined) {
        if (await this.#tryRelease(groupId, release)) return
        await sleep(backoffDelayMs(ELSEWHERE_BACKOFF, attempt))
        // Where that failed, its caller knows; here it is tried again.
      } else if (await here.catch(() => false)) return
    }
  }

  /** False where another process or call is releasing it. */
  #tryRelease(groupId: string, release: Release): Promise<boolean> {
    return this.#alone(groupId, () => this.#release(groupId, release))
  }

  /** The lock keeps other processes out, and the map other calls in this process. */
  #alone(groupId: string, work: () => Promise<void>): Promise<boolean> {
    if (this.#releasing.has(groupId)) return Promise.resolve(false)
    const releasing = this.#locks
      .runAlone(groupId, work)
      .finally(() => this.#releasing.delete(groupId))
    this.#releasing.set(groupId, releasing)
    return releasing
  }

  async #release(groupId: string, release: Release): Promise<void> {
    const taskIds = await this.#table.unreleasedMembers(groupId)
    if (taskIds.length === 0) return
    const ready = await this.#options.readReady(taskIds)
    const byId = new Map(ready.map((result) => [result.taskId, result]))
    await release(taskIds.map((taskId) => byId.get(taskId) ?? pendingResult(taskId)))
    await this.#table.released(groupId)
  }
}
