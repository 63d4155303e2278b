import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { collectYoung } from '../../../collect-garbage.ts'

/** Smaller frames end with the objects around them, which V8 collects often enough. */
const LARGE_BYTES = 16_384

/**
 * V8 marks the whole heap when it holds 64 MB more outside of it, and counts a frame of ZeroMQ twice. A frame that lives through two
 * collections of young objects is freed by such a marking alone: so the block and its PUSH should hold less than this.
 */
const COLLECT_EVERY_BYTES = 16_000_000

/** Where V8 has marked the heap before each of so many collections, they are in vain; they are tried again after so many more. */
const VAIN = 12
const PAUSE = 60

/**
 * Frees frames that were passed on, by collections of young objects. Without them V8 marks the whole heap every 32 frames of
 * 1 MB, which takes longer than passing them on.
 */
class FrameMemory {
  #bytes = 0
  #isObserving: boolean = false
  #hasMarked = false
  #vain = 0
  #pause = 0

  /** Counts frames that were received; true when it is time to free those before them. */
  take(frames: readonly Buffer[]): boolean {
    for (const { byteLength } of frames) if (byteLength >= LARGE_BYTES) this.#bytes += byteLength
    return this.#bytes >= COLLECT_EVERY_BYTES
  }

  async free(): Promise<void> {
    this.#bytes = 0
    // ZeroMQ's binding lets go of frames that were sent between two turns of the event loop.
    await nextTurn()
    if (!this.#isUseful()) return
    this.#observe()
    collectYoung()
  }

  /** Frames may live too long, and with a heap of 8 to 16 MB V8 marks sooner. */
  #isUseful(): boolean {
    this.#vain = this.#hasMarked ? this.#vain + 1 : 0
    this.#hasMarked = false
    if (this.#pause > 0) {
      this.#pause -= 1
      return false
    }
    if (this.#vain < VAIN) return true
    this.#pause = PAUSE
    return false
  }

  #observe(): void {
    if (this.#isObserving) return
    this.#isObserving = true
    const observer = new PerformanceObserver((list) => {
      this.#hasMarked ||= list.getEntries().some(isMarking)
    })
    observer.observe({ entryTypes: ['gc'] })
  }
}

/** One for all sockets, as they share the heap. */
export const frameMemory = new FrameMemory()

function isMarking(entry: object): boolean {
  const { detail } = entry as { readonly detail: { readonly kind: number } } // of an entry of `gc`
  return detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR
}
