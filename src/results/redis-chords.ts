import { randomUUID } from 'node:crypto'
import { sleep } from '../async/sleep.ts'
import { exceptionToMeta } from '../protocol/exceptions.ts'
import { isExceptionState } from '../protocol/states.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import { readMembers } from './redis-chord-results.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { ChordKeys, RedisKeys } from './redis-keys.ts'
import {
  DROP_CLAIM_SCRIPT,
  KEEP_CLAIM_SCRIPT,
  MEMBER_SCRIPT,
  RELEASED_SCRIPT,
} from './redis-scripts.ts'
import type { ChordCounter, ChordMember } from './result-store.ts'
import type { ResultText } from './result-text.ts'
import { isExceptionInfo } from './stored-value.ts'

export interface RedisChordsOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly text: ResultText
  readonly read: (taskId: string) => Promise<TaskResult>
  /** Celery's result_chord_expires, else result_expires; 0 is for ever. */
  readonly expiresSeconds: number
  /** A saved group is not kept shorter than results. */
  readonly groupExpiresSeconds: number
  /** `result_chord_ordered` of result_backend_transport_options. */
  readonly isOrdered: boolean
}

type Release = (results: readonly TaskResult[]) => Promise<void>
type Count = 'done' | 'uncounted' | 'open' | 'claimed' | 'elsewhere'

/** How long a claim outlives its process. */
const CLAIM_MS = 15_000
const ELSEWHERE_MS = 100
const DONE_SECONDS = 300

/** Chords by the counters of Python's Redis backend, so that each member may run in either language. */
export class RedisChords implements ChordCounter {
  readonly #options: RedisChordsOptions

  constructor(options: RedisChordsOptions) {
    this.#options = options
  }

  async begin(groupId: string, size: number): Promise<void> {
    const { connection, keys, expiresSeconds } = this.#options
    const chord = keys.chord(groupId)
    await connection.run(async (redis) => {
      // One after the other on one connection: nobody counts before the size is there.
      const begun = redis.multi().del(chord.claim)
      if (expiresSeconds > 0) begun.set(chord.size, size, 'EX', expiresSeconds)
      else begun.set(chord.size, size)
      await begun.exec()
    })
  }

  async memberDone(member: ChordMember, release: Release): Promise<boolean> {
    const entry = await this.#entry(member)
    const token = randomUUID()
    for (let attempt = 1; ; attempt += 1) {
      const count = await this.#count(member, entry, token)
      if (count === 'claimed') {
        await this.#release(member.groupId, token, release)
        return true
      }
      // The size goes with the release.
      if (count === 'uncounted') return attempt > 1
      if (count !== 'elsewhere') return true
      // Whoever claimed it may be gone: its claim ends, and then this one releases.
      await sleep(ELSEWHERE_MS)
    }
  }

  /** As Python's: `[1, id, state, result]`. */
  async #entry({ result: { taskId, status, result } }: ChordMember): Promise<Buffer> {
    const { text } = this.#options
    const stored =
      isExceptionState(status) && isExceptionInfo(result) ? exceptionToMeta(result) : result
    return await text.compress(text.encodeValue([1, taskId, status, stored ?? null]))
  }

  async #count(member: ChordMember, entry: Buffer, token: string): Promise<Count> {
    const { connection, keys, expiresSeconds, groupExpiresSeconds, isOrdered } = this.#options
    const { members, added, size, seen, claim, group } = keys.chord(member.groupId)
    const index = member.groupIndex === null ? '+inf' : String(member.groupIndex)
    const mark = `${member.result.taskId}:${index}`
    return (await connection.script(
      MEMBER_SCRIPT,
      [members, added, size, seen, claim, group],
      [isOrdered ? 1 : 0, index, mark, entry, expiresSeconds, groupExpiresSeconds, token, CLAIM_MS],
    )) as Count // as the script says
  }

  async #release(groupId: string, token: string, release: Release): Promise<void> {
    const { connection, keys } = this.#options
    const chord = keys.chord(groupId)
    const keeping = setInterval(() => this.#keepClaim(chord, token), CLAIM_MS / 3)
    try {
      await release(await readMembers(chord, this.#options))
    } catch (error) {
      await connection.script(DROP_CLAIM_SCRIPT, [chord.claim], [token])
      throw error
    } finally {
      clearInterval(keeping)
    }
    const { claim, members, added, size, seen } = chord
    await connection.script(
      RELEASED_SCRIPT,
      [claim, members, added, size, seen],
      [token, DONE_SECONDS],
    )
  }

  #keepClaim({ claim }: ChordKeys, token: string): void {
    const kept = this.#options.connection.script(KEEP_CLAIM_SCRIPT, [claim], [token, CLAIM_MS])
    // Redis is away: nobody else can take the claim either.
    kept.catch(() => undefined)
  }
}
