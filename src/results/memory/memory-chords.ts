import type { TaskResult } from '../../protocol/results/task-result.ts'
import type { ChordCounter, ChordMember, Release } from '../result-store.ts'

/** Chords of one memory, shared by its stores. */
export type MemoryChordSpace = Map<string, MemoryChord>

interface MemoryChord {
  size: number
  readonly members: Map<string, number>
  isReleased: boolean
  releasing: Promise<void> | undefined
}

interface MemoryResults {
  readonly read: (taskId: string) => TaskResult
  readonly save: (result: TaskResult) => Promise<void>
}

/** So many chords are remembered after their release, for members that come again. */
const MOST_CHORDS = 10_000

/** Counts the members of chords in this process. */
export class MemoryChords implements ChordCounter {
  readonly #space: MemoryChordSpace
  readonly #results: MemoryResults

  constructor(space: MemoryChordSpace, results: MemoryResults) {
    this.#space = space
    this.#results = results
  }

  async begin(groupId: string, size: number): Promise<void> {
    const known = this.#space.get(groupId)
    dropReleased(this.#space)
    if (known === undefined || known.isReleased) {
      const chord = { size, members: new Map(), isReleased: false, releasing: undefined }
      this.#space.set(groupId, chord)
    } else known.size = size
  }

  async beginOnce(groupId: string, size: number): Promise<void> {
    if (!this.#space.has(groupId)) await this.begin(groupId, size)
  }

  async addMember(groupId: string): Promise<void> {
    const chord = this.#space.get(groupId)
    if (chord !== undefined) chord.size += 1
  }

  async memberDone(
    { groupId, groupIndex, result }: ChordMember,
    release: Release,
  ): Promise<boolean> {
    const chord = this.#space.get(groupId)
    if (chord === undefined) return false
    if (!chord.isReleased && !chord.members.has(result.taskId)) {
      chord.members.set(result.taskId, groupIndex ?? Number.POSITIVE_INFINITY)
    }
    if (chord.members.size >= chord.size) await this.#releaseOnce(chord, release)
    return true
  }

  async saveMember(member: ChordMember, release: Release): Promise<boolean> {
    await this.#results.save(member.result)
    return await this.memberDone(member, release)
  }

  /** Where another's release fails, this one tries too. */
  async #releaseOnce(chord: MemoryChord, release: Release): Promise<void> {
    while (chord.releasing !== undefined) await chord.releasing.catch(() => undefined)
    if (chord.isReleased) return
    chord.releasing = this.#release(chord, release).finally(() => {
      chord.releasing = undefined
    })
    await chord.releasing
  }

  async #release(chord: MemoryChord, release: Release): Promise<void> {
    const inOrder = [...chord.members].sort(([, a], [, b]) => (a === b ? 0 : a - b))
    await release(inOrder.map(([taskId]) => this.#results.read(taskId)))
    chord.isReleased = true
    chord.members.clear()
  }
}

function dropReleased(space: MemoryChordSpace): void {
  if (space.size < MOST_CHORDS) return
  for (const [groupId, chord] of space) if (chord.isReleased) space.delete(groupId)
}
