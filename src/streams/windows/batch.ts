import { ConfigurationError } from '../../errors.ts'
import type { Entry } from '../block/entry.ts'
import type { Lane } from '../parts/lane.ts'
import type { Operator } from '../parts/operator.ts'
import { HoldingOperator, nextReadable, publishHeld } from './held.ts'

/** Lists of `count` messages; a shorter one where `ms` have passed since its first, or the stream ends. */
export function batch<T = unknown>(count: number, ms?: number): Operator<T, T[]> {
  checkCount('batch', count)
  return new Batch(count, ms) as Operator as Operator<T, T[]> // it makes lists of what it is given
}

/** The messages of each `ms`, as a list; never more than `limit` (default 1000) in one. */
export function window<T = unknown>(
  ms: number,
  { limit = 1_000 }: { readonly limit?: number } = {},
): Operator<T, T[]> {
  checkCount('window', limit)
  if (!(ms > 0))
    throw new ConfigurationError(`window(ms): ms is ${String(ms)}, expected more than 0`)
  return new Batch(limit, ms, 'window') as Operator as Operator<T, T[]> // as above
}

class Batch extends HoldingOperator {
  override readonly holds: number
  readonly #ms: number | undefined
  readonly #name: string

  constructor(count: number, ms: number | undefined, name = 'batch') {
    super()
    this.holds = count
    this.#ms = ms
    this.#name = name
  }

  override get name(): string {
    return this.#name
  }

  override async work(lane: Lane): Promise<void> {
    for (;;) {
      const held: Entry[] = []
      const isOver = await this.#collect(held, lane)
      await publishHeld(
        lane,
        held,
        held.map(({ received }) => received.value),
      )
      if (isOver) return
    }
  }

  /** Until the list is complete or its time is over; true where the stream has ended. */
  async #collect(held: Entry[], lane: Lane): Promise<boolean> {
    let endsAt: number | undefined
    while (held.length < this.holds) {
      const leftMs = endsAt === undefined ? undefined : endsAt - performance.now()
      const entry = await nextReadable(lane, leftMs)
      if (entry === undefined) return true
      if (entry === 'late') return false
      held.push(entry)
      if (this.#ms !== undefined) endsAt ??= performance.now() + this.#ms
    }
    return false
  }
}

export function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return
  throw new ConfigurationError(
    `${name}: the count is ${String(count)}, expected a whole number from 1`,
  )
}
