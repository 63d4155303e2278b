import { shownId } from '../failures.ts'

/** The names under which Celery keeps results in Redis; the channels of results have the same names. */
export class RedisKeys {
  readonly #taskPrefix: string
  readonly #groupPrefix: string
  /** Of chords that are complete and not released: their bodies by group id. Ours alone. */
  readonly unreleased: string

  /** `global_keyprefix` of result_backend_transport_options; Celery puts "_" between where nothing else parts them. */
  constructor(globalPrefix = '') {
    const prefix = /[^:_.-]$/.test(globalPrefix) ? `${globalPrefix}_` : globalPrefix
    this.#taskPrefix = `${prefix}celery-task-meta-`
    this.#groupPrefix = `${prefix}celery-taskset-meta-`
    this.unreleased = `${prefix}celery-toolbox-unreleased`
  }

  task(taskId: string): string {
    return this.#taskPrefix + taskId
  }

  taskIdOf(key: string): string {
    return key.slice(this.#taskPrefix.length)
  }

  group(groupId: string): string {
    return this.#groupPrefix + groupId
  }

  chord(groupId: string): ChordKeys {
    const group = this.group(groupId)
    return {
      group,
      members: `${group}.j`,
      added: `${group}.t`,
      size: `${group}.s`,
      seen: `${group}.d`,
      claim: `${group}.c`,
      addition: (token) => `${group}.t.${token}`,
    }
  }
}

/** The counters of a chord: each is a key of its own. */
export interface ChordKeys {
  /** The saved group, where members of the header are groups. */
  readonly group: string
  /** What members gave, in order. */
  readonly members: string
  /** How many members more than the size there are. */
  readonly added: string
  readonly size: string
  /** Which members were counted (since Celery 5.7). */
  readonly seen: string
  /** Who is releasing it, or "done" (since Celery 5.7). */
  readonly claim: string
  /** Says that this member more is counted. Ours alone. */
  readonly addition: (token: string) => string
}

/** Of a key, for errors: ids come from others, and may be of any length. */
export function placeOfKey(key: string): string {
  return `key "${shownId(key)}" of Redis`
}
