import type { TaskResult } from '../protocol/results/task-result.ts'
import type { ResultNode } from './result-node.ts'

/**
 * Journey 5/7, result: outcomes kept under their task id, where Python reads them too. Next: the monitor, in monitor/monitor.ts.
 * test/contracts/result-store-contract.ts says in tests what each method promises.
 */
export interface ResultStore extends AsyncDisposable {
  /** "db+postgresql", "memory", "disabled", ...: for people. What it can do is asked of `features`. */
  readonly kind: string
  readonly features: ResultFeatures
  /** Resolves once the result is safe. Saves that come close together are written together. */
  save(result: TaskResult): Promise<void>
  /** What is stored; status PENDING where nothing is. */
  get(taskId: string): Promise<TaskResult>
  /** Resolves with the first ready result (SUCCESS, FAILURE, REVOKED); rejects with ResultError RESULT_TIMEOUT, or the signal's reason. */
  waitFor(taskId: string, options?: WaitOptions): Promise<TaskResult>
  forget(taskId: string): Promise<void>
  /** For backends that must listen before a call is made: resolves once they do. */
  beforePublish?(): Promise<void>
  /** For backends that can count the members of a chord, so that no task has to poll whether all are done. */
  readonly chords?: ChordCounter
  /** The members of a group, kept under its id; Python's `GroupResult.save()` and `restore()`. */
  saveGroup?(groupId: string, memberIds: readonly string[]): Promise<void>
  restoreGroup?(groupId: string): Promise<readonly string[] | null>
  forgetGroup?(groupId: string): Promise<void>
  /** Removes what is older than result_expires; says how many. Absent where the backend expires results itself. */
  cleanup?(): Promise<number>
  close(): Promise<void>
}

/** What a result backend can do beyond the contract. Ask for one of these, never for the kind. */
interface ResultFeatures {
  /** Results are kept: they can be asked for. */
  readonly keeps: boolean
  /** Other processes than the caller's read them, so that a chord can be waited for. */
  readonly isShared: boolean
}

/** Counts the members of chords as they finish, each once, in whichever language and however often they run. */
export interface ChordCounter {
  /** Python's workers count in the same place. */
  readonly isSharedWithPython?: boolean
  /** Before the header is published: how many members there are, and their ids, for a chord that may be handed over. */
  begin(groupId: string, size: number, memberIds?: readonly string[]): Promise<void>
  /**
   * The same for a header with members that end with groups, each member of which counts by itself, as Python's workers have
   * it; the results keep the form of the tree. Absent where such a group has to be gathered into one result first.
   */
  beginTree?(header: ResultNode): Promise<void>
  /** The same where the count has not begun, even if it is released by now: for callers that may come twice. */
  beginOnce?(groupId: string, size: number): Promise<void>
  /** One member more, which is not published yet. Absent where chords keep the size that they began with. */
  addMember?(groupId: string): Promise<void>
  /**
   * A member is done and its result is safe. When all are, `release` is called with the members' results in order, and the
   * chord counts as released once it has resolved: a crash in between leads to a second call, never to none.
   * Resolves with false where the count of this chord was never begun.
   */
  memberDone(member: ChordMember, release: Release): Promise<boolean>
  /**
   * Ends the counting of a chord, where its members may end with workers that do not count here. `unlock` publishes the task
   * that waits for them instead: once, however many hand it over; a crash in between leaves that to `releaseAbandoned`.
   */
  handOver?(chord: HandedOver, unlock: Unlock): Promise<void>
  /** Saves the member's result and counts it in one step, of which a crash leaves all or nothing; then as `memberDone`. */
  saveMember(member: ChordMember, release: Release): Promise<boolean>
  /**
   * Releases chords whose members are all done, and whose last worker was lost before it had released them. `releaseOf`
   * is shown the body that was left, and gives undefined where it belongs to another app. Chords that were handed over get the
   * task that waits for them, which `unlockOf` gives. Says how many.
   */
  releaseAbandoned?(
    releaseOf: (body: string) => Release | undefined,
    unlockOf?: (groupId: string, body: string) => Unlock | undefined,
  ): Promise<number>
}

export interface HandedOver {
  readonly groupId: string
  /** What others need to publish the waiting task in this one's place; null where it has no form. */
  readonly body: string | null
}

export type Unlock = (memberIds: readonly string[]) => Promise<void>

export type Release = (results: readonly TaskResult[]) => Promise<void>

export interface ChordMember {
  readonly groupId: string
  readonly groupIndex: number | null
  readonly result: TaskResult
  /** The body, for the worker that releases the chord in this one's place; asked for where this may be the last member. */
  readonly body?: () => string | null
}

export interface WaitOptions {
  /** Undefined waits for ever. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** For backends that have to look: how often. Default 500. */
  readonly intervalMs?: number
}
