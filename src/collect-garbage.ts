import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collect: NodeJS.GCFunction | undefined

/**
 * Collects young objects now, with the memory outside of the heap that they hold: V8 waits until it is 64 MB, and marks the whole
 * heap then. Sets V8's flag `--expose-gc` for the process.
 */
export function collectYoung(): void {
  collect ??= collector()
  collect({ type: 'minor' })
}

/** Marking more takes half a second, and beside so much what lies there is little. */
const MOST_BYTES = 512 * 1024 * 1024

/**
 * Collects the whole heap now: V8 lets up to three times as much lie as is in use. Not the heap of a program that holds more than
 * `mostBytes`, which would stand still for too long. Sets V8's flag `--expose-gc` for the process.
 */
export function collectAll(mostBytes = MOST_BYTES): void {
  if (getHeapStatistics().used_heap_size > mostBytes) return
  collect ??= collector()
  collect()
}

function collector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  // The flag is for contexts that are made from now on.
  return runInNewContext('gc')
}
