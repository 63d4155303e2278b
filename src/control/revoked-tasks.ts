/** What is known of a task that may have been revoked. */
interface RevocableTask {
  readonly id: string
  readonly stampedHeaders: readonly string[] | null
  readonly stamps: Readonly<Record<string, unknown>>
}

interface RevokedLimits {
  /** The most ids that are remembered, and the most values of stamps; the oldest go first. */
  readonly most: number
  /** How old, in milliseconds, an id is at least remembered for, where there is room. */
  readonly expiresMs: number
}

/** In the form of a file: ids with the times, in milliseconds since 1970, when they were revoked. */
export interface RevokedRecord {
  readonly tasks: readonly (readonly [id: string, revokedAt: number])[]
  readonly stamps: Readonly<Record<string, readonly unknown[]>>
}

/** The tasks that are not to be run any more, by their ids and by their stamps. */
export class RevokedTasks {
  /** In the order of revoking, so that the oldest come first. */
  readonly #tasks = new Map<string, number>()
  readonly #stamps = new Map<string, Set<unknown>>()
  readonly #limits: RevokedLimits

  constructor(limits: RevokedLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#tasks.size === 0 && this.#stamps.size === 0
  }

  /** The ids that have not expired, oldest first. */
  get ids(): readonly string[] {
    return this.record().tasks.map(([id]) => id)
  }

  add(ids: Iterable<string>, revokedAt = Date.now()): void {
    for (const id of ids) {
      this.#tasks.delete(id)
      this.#tasks.set(id, revokedAt)
    }
    if (this.#tasks.size > this.#limits.most) this.#dropOldest()
  }

  addStamps(stamp: string, values: Iterable<unknown>): void {
    const known = this.#stamps.get(stamp) ?? new Set()
    for (const value of values) known.add(value)
    // A name without a value revokes no task, and only values are counted.
    if (known.size > 0) this.#stamps.set(stamp, known)
    this.#dropOldestStamps()
  }

  /** Whether it was revoked, and is not among the oldest of too many. */
  remembers(id: string): boolean {
    return this.#tasks.has(id)
  }

  has(task: RevocableTask): boolean {
    return this.#tasks.has(task.id) || (this.#stamps.size > 0 && this.#hasStampsOf(task))
  }

  /** What is worth keeping. */
  record(): RevokedRecord {
    const oldest = Date.now() - this.#limits.expiresMs
    return {
      tasks: [...this.#tasks].filter(([, revokedAt]) => revokedAt >= oldest),
      stamps: Object.fromEntries([...this.#stamps].map(([name, values]) => [name, [...values]])),
    }
  }

  merge({ tasks, stamps }: RevokedRecord): void {
    for (const [id, revokedAt] of tasks) this.add([id], revokedAt)
    for (const [name, values] of Object.entries(stamps)) this.addStamps(name, values)
  }

  #hasStampsOf({ stampedHeaders, stamps }: RevocableTask): boolean {
    return (stampedHeaders ?? []).some((name) => {
      const revoked = this.#stamps.get(name)
      return revoked !== undefined && stampValues(stamps[name]).some((value) => revoked.has(value))
    })
  }

  #dropOldestStamps(): void {
    let left = -this.#limits.most
    for (const { size } of this.#stamps.values()) left += size
    for (const [name, values] of this.#stamps) {
      for (const value of values) {
        if (left <= 0) return
        values.delete(value)
        left -= 1
      }
      this.#stamps.delete(name)
    }
  }

  /** First what has expired, and more only where that is not enough. */
  #dropOldest(): void {
    const oldest = Date.now() - this.#limits.expiresMs
    for (const [id, revokedAt] of this.#tasks) {
      if (this.#tasks.size <= this.#limits.most && revokedAt >= oldest) return
      this.#tasks.delete(id)
    }
  }
}

/** A stamp is one value or several. */
export function stampValues(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}
