import { startInterval, type Timer } from '../../../async/timer.ts'
import type { SqsDelivery } from './sqs-delivery.ts'

/** Extended once less than this part of its time is left. */
const EXTENDED_AT = 0.6
const LOOKS = 5
const SHORTEST_LOOK_MS = 250

/** The deliveries that consumers hold: kept hidden from others for as long as they are held. */
export class HeldDeliveries {
  readonly #visibilityMs: number
  readonly #held = new Set<SqsDelivery>()
  readonly #parked = new Set<SqsDelivery>()
  #clock: Timer | undefined

  constructor(visibilitySeconds: number) {
    this.#visibilityMs = visibilitySeconds * 1_000
  }

  get size(): number {
    return this.#held.size
  }

  add(delivery: SqsDelivery): void {
    this.#held.add(delivery)
    const everyMs = Math.max(SHORTEST_LOOK_MS, this.#visibilityMs / LOOKS)
    this.#clock ??= startInterval(everyMs, () => this.#look()).unref()
  }

  /** False where it is held no longer. */
  delete(delivery: SqsDelivery): boolean {
    const wasHeld = this.#held.delete(delivery)
    if (this.#held.size === 0) this.#rest()
    return wasHeld
  }

  /** It is hidden until its time has come. */
  park(delivery: SqsDelivery): void {
    for (const parked of this.#parked) if (parked.leftMs <= 0) this.#parked.delete(parked)
    this.#parked.add(delivery)
  }

  /** All of them are visible to others at once. */
  async giveBack(): Promise<void> {
    const open = [...this.#held].filter(({ isSettled, isLost }) => !isSettled && !isLost)
    const given = [...open, ...this.#parked]
    for (const delivery of open) this.#held.delete(delivery)
    this.#parked.clear()
    this.#rest()
    await Promise.all(given.map((delivery) => delivery.giveBack()))
  }

  #look(): void {
    for (const delivery of this.#held) {
      // Asking is telling: one whose time is over says so by itself.
      if (delivery.isSettled || delivery.isLost) continue
      if (delivery.leftMs > this.#visibilityMs * EXTENDED_AT) continue
      void delivery.extend(this.#visibilityMs)
    }
  }

  #rest(): void {
    this.#clock?.clear()
    this.#clock = undefined
  }
}
