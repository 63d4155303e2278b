import { randomUUID } from 'node:crypto'
import type { ChainableCommander } from 'ioredis'
import { despiteFailures } from '../../async/despite-failures.ts'
import { sleep } from '../../async/sleep.ts'
import { startInterval } from '../../async/timer.ts'
import { exceptionToMeta } from '../../protocol/results/exceptions.ts'
import { isExceptionState } from '../../protocol/results/states.ts'
import type { TaskResult } from '../../protocol/results/task-result.ts'
import { shownId, UncountableChord, UnsavedResult } from '../failures.ts'
import { type ResultNode, taskIdsOf, tupleOfNode } from '../result-node.ts'
import type { ChordCounter, ChordMember, Release } from '../result-store.ts'
import type { ResultText } from '../result-text.ts'
import { isExceptionInfo } from '../stored-value.ts'
import { readMembers } from './chord-results.ts'
import { isWrongType, type RedisArgument, type RedisConnection } from './connecting/connection.ts'
import type { ChordKeys, RedisKeys } from './keys.ts'
import {
  ADD_MEMBER_SCRIPT,
  CLAIM_SCRIPT,
  DROP_CLAIM_SCRIPT,
  KEEP_CLAIM_SCRIPT,
  MEMBER_SCRIPT,
  RELEASED_SCRIPT,
  SAVE_MEMBER_SCRIPT,
} from './scripts.ts'

interface RedisChordsOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly text: ResultText
  readonly read: (taskId: string) => Promise<TaskResult>
  /** What the script that keeps a result needs. */
  readonly saving: (result: TaskResult) => Promise<Saving>
  /** Celery's result_chord_expires, else result_expires; 0 is for ever. */
  readonly expiresSeconds: number
  /** A saved group is not kept shorter than results. */
  readonly groupExpiresSeconds: number
  /** `result_chord_ordered` of result_backend_transport_options. */
  readonly isOrdered: boolean
}

export interface Saving {
  readonly key: string
  readonly args: readonly RedisArgument[]
}

type Count = 'done' | 'uncounted' | 'open' | 'claimed' | 'elsewhere'

/** How long a claim outlives its process. */
const CLAIM_MS = 15_000
const KEEP_CLAIM_MS = CLAIM_MS / 3
const ELSEWHERE_MS = 100
const DONE_SECONDS = 300

/** Chords by the counters of Python's Redis backend, so that each member may run in either language. */
export class RedisChords implements ChordCounter {
  readonly isSharedWithPython = true
  readonly #options: RedisChordsOptions
  readonly #saving = new Set<Promise<boolean>>()

  constructor(options: RedisChordsOptions) {
    this.#options = options
  }

  async begin(groupId: string, size: number): Promise<void> {
    await this.#begin(groupId, size)
  }

  /** The header is saved as Python saves it, for other readers of the results. */
  async beginTree(header: ResultNode): Promise<void> {
    const { text } = this.#options
    const saved = await text.compress(text.encodeValue({ result: tupleOfNode(header) }))
    await this.#begin(header.id, taskIdsOf(header).length, saved)
  }

  async #begin(groupId: string, size: number, header?: Buffer): Promise<void> {
    const { connection, keys, expiresSeconds, groupExpiresSeconds } = this.#options
    const chord = keys.chord(groupId)
    const write = (to: ChainableCommander, key: string, value: Buffer | number, seconds: number) =>
      seconds > 0 ? to.set(key, value, 'EX', seconds) : to.set(key, value)
    await connection.run(async (redis) => {
      // One after the other on one connection: no member is counted before the size is there.
      const begun = redis.multi().del(chord.claim)
      if (header !== undefined) write(begun, chord.group, header, groupExpiresSeconds)
      await write(begun, chord.size, size, expiresSeconds).exec()
    })
  }

  /** Python's counter of members that came later. */
  async addMember(groupId: string): Promise<void> {
    const { connection, keys, expiresSeconds } = this.#options
    const { added, addition } = keys.chord(groupId)
    await connection.script(
      ADD_MEMBER_SCRIPT,
      [added, addition(randomUUID())],
      [expiresSeconds, DONE_SECONDS],
    )
  }

  async memberDone(member: ChordMember, release: Release): Promise<boolean> {
    return await this.#countOrSave(member, release)
  }

  async saveMember(member: ChordMember, release: Release): Promise<boolean> {
    const saving = this.#options.saving(member.result)
    const saved = saving.then((result) => this.#countOrSave(member, release, result))
    this.#saving.add(saved)
    try {
      return await saved
    } finally {
      this.#saving.delete(saved)
    }
  }

  /** Resolves when no member is being saved. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#saving)
  }

  async releaseAbandoned(releaseOf: (body: string) => Release | undefined): Promise<number> {
    const { connection, keys } = this.#options
    const left = await connection.run((redis) => redis.hgetall(keys.unreleased))
    return await despiteFailures(Object.entries(left), async ([groupId, body]) => {
      const release = releaseOf(body)
      if (release === undefined) return false
      const token = randomUUID()
      if ((await this.#claim(groupId, token)) !== 'claimed') return false
      await this.#release(groupId, token, release)
      return true
    })
  }

  async #countOrSave(member: ChordMember, release: Release, saving?: Saving): Promise<boolean> {
    const entry = await this.#entry(member)
    const token = randomUUID()
    for (let attempt = 1; ; attempt += 1) {
      const count = await this.#count(member, { entry, token }, attempt === 1 ? saving : undefined)
      if (count === 'claimed') {
        await this.#release(member.groupId, token, release)
        return true
      }
      // The size goes with the release.
      if (count === 'uncounted') return attempt > 1
      if (count !== 'elsewhere') return true
      // The process that claimed it may be gone: its claim ends, and then this one releases.
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

  async #count(
    member: ChordMember,
    { entry, token }: { readonly entry: Buffer; readonly token: string },
    saving?: Saving,
  ): Promise<Count> {
    const { connection, keys, expiresSeconds, groupExpiresSeconds, isOrdered } = this.#options
    const { groupId, groupIndex, result, body } = member
    const { members, added, size, seen, claim, group } = keys.chord(groupId)
    const index = groupIndex === null ? '+inf' : String(groupIndex)
    const mark = `${result.taskId}:${index}`
    const lifetimes = [expiresSeconds, groupExpiresSeconds]
    const claiming = [token, CLAIM_MS, groupId, body?.() ?? '']
    const counted = connection.script(
      saving === undefined ? MEMBER_SCRIPT : SAVE_MEMBER_SCRIPT,
      [members, added, size, seen, claim, group, keys.unreleased, ...(saving ? [saving.key] : [])],
      [isOrdered ? 1 : 0, index, mark, entry, ...lifetimes, ...claiming, ...(saving?.args ?? [])],
    )
    // As the scripts say.
    return (await counted.catch((cause: unknown) => {
      if (isWrongType(cause)) throw uncountable(groupId, cause, group)
      if (saving === undefined) throw cause
      throw new UnsavedResult(result.taskId, { cause, isFinal: false })
    })) as Count
  }

  async #claim(groupId: string, token: string): Promise<unknown> {
    const { connection, keys } = this.#options
    const { members, claim } = keys.chord(groupId)
    return await connection.script(
      CLAIM_SCRIPT,
      [members, claim, keys.unreleased],
      [token, CLAIM_MS, groupId],
    )
  }

  async #release(groupId: string, token: string, release: Release): Promise<void> {
    const { connection, keys } = this.#options
    const chord = keys.chord(groupId)
    const keeping = startInterval(KEEP_CLAIM_MS, () => this.#keepClaim(chord, token))
    let isFailed = false
    try {
      const results = await readMembers(chord, this.#options)
      isFailed = results.some(({ status }) => status !== 'SUCCESS')
      await release(results)
    } catch (error) {
      await connection.script(DROP_CLAIM_SCRIPT, [chord.claim], [token])
      throw error
    } finally {
      keeping.clear()
    }
    const { claim, members, added, size, seen } = chord
    // The results of a chord that failed stay, as Python's do: they say which of its members have succeeded.
    const used = isFailed ? [added, size, seen] : [members, added, size, seen]
    await connection.script(
      RELEASED_SCRIPT,
      [keys.unreleased, claim, ...used],
      [token, DONE_SECONDS, groupId],
    )
  }

  #keepClaim({ claim }: ChordKeys, token: string): void {
    const kept = this.#options.connection.script(KEEP_CLAIM_SCRIPT, [claim], [token, CLAIM_MS])
    // Redis is away: no other process can take the claim either.
    kept.catch(() => undefined)
  }
}

function uncountable(groupId: string, cause: unknown, group: string): UncountableChord {
  const expected = `Celery's counters of a chord under "${shownId(group)}.*" in Redis`
  return new UncountableChord(groupId, cause, expected)
}
