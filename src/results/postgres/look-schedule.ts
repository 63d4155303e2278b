/** When an id is looked for next; each look that finds nothing doubles the wait. */
interface Look {
  slot: number
  delayMs: number
  intervalMs: number
}

/** What is due in one slot is looked for together. */
const SLOT_MS = 10
const FIRST_DELAY_MS = 20

/**
 * When each of many ids is to be looked for: young ones often, old ones seldom. They are kept by the time they are due,
 * so that adding one, or taking those that are due, costs the same however many wait.
 */
export class LookSchedule {
  readonly #looks = new Map<string, Look>()
  /** The ids that are due in a slot of time; one that is due elsewhere by now is passed over. */
  readonly #slots = new Map<number, string[]>()

  get size(): number {
    return this.#looks.size
  }

  /** Looked for at once, then less and less often, down to every `intervalMs`. */
  add(taskId: string, intervalMs: number): void {
    const before = this.#looks.get(taskId)
    this.#looks.set(taskId, {
      slot: Number.NaN,
      delayMs: FIRST_DELAY_MS,
      intervalMs: Math.min(intervalMs, before?.intervalMs ?? intervalMs),
    })
    this.hasten(taskId)
  }

  /** Looked for at once; false where it is not looked for at all. */
  hasten(taskId: string): boolean {
    const look = this.#looks.get(taskId)
    if (look === undefined) return false
    if (look.slot !== 0) this.#put(taskId, look, 0)
    return true
  }

  delete(taskId: string): void {
    this.#looks.delete(taskId)
    if (this.#looks.size === 0) this.#slots.clear()
  }

  clear(): void {
    this.#looks.clear()
    this.#slots.clear()
  }

  /** When the next one is due, on the clock of `performance.now()`; Infinity where none is. */
  get nextAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const slot of this.#slots.keys()) next = Math.min(next, slot)
    return next * SLOT_MS
  }

  /** The ids that are due by now; each is due again later. */
  takeDue(now: number): readonly string[] {
    const taken: string[] = []
    for (const [slot, taskIds] of this.#slots) {
      if (slot * SLOT_MS > now) continue
      this.#slots.delete(slot)
      for (const taskId of taskIds) {
        const look = this.#looks.get(taskId)
        if (look?.slot !== slot) continue
        taken.push(taskId)
        this.#putOff(taskId, look, now)
      }
    }
    return taken
  }

  #putOff(taskId: string, look: Look, now: number): void {
    const dueAt = now + Math.min(look.delayMs, look.intervalMs)
    look.delayMs *= 2
    // The slot after, so that none is due again in the turn that took it.
    this.#put(taskId, look, Math.floor(dueAt / SLOT_MS) + 1)
  }

  #put(taskId: string, look: Look, slot: number): void {
    look.slot = slot
    const taskIds = this.#slots.get(slot)
    if (taskIds === undefined) this.#slots.set(slot, [taskId])
    else taskIds.push(taskId)
  }
}
