import { turnOfTheLoop } from './turns.ts'

/** Work that can be done a little at a time. */
export interface Divisible<T> {
  /** Does about so many steps; true once all are done. */
  advance(steps: number): boolean
  result(): T
}

export interface SliceOptions {
  /** The most time all slices may take together. */
  readonly withinMs: number
  /** The error of work that takes longer. */
  readonly onLate: () => Error
}

/** How long the event loop waits for one slice: heartbeats, signals and other tasks come in between. */
const SLICE_MS = 12
const STEPS = 1024

/** Does long work in slices of the event loop's time. What pauses between two slices does not count as its time. */
export async function inSlices<T>(
  work: Divisible<T>,
  { withinMs, onLate }: SliceOptions,
): Promise<T> {
  let usedMs = 0
  for (;;) {
    const startedAt = performance.now()
    let isDone = false
    while (!isDone && performance.now() - startedAt < SLICE_MS) isDone = work.advance(STEPS)
    if (isDone) return work.result()
    usedMs += performance.now() - startedAt
    if (usedMs > withinMs) throw onLate()
    await turnOfTheLoop()
  }
}
