import { setFlagsFromString } from 'node:v8'
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

/** Collects the whole heap now: V8 lets up to three times as much lie as is in use. Sets V8's flag `--expose-gc` for the process. */
export function collectAll(): void {
  collect ??= collector()
  collect()
}

function collector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  // The flag is for contexts that are made from now on.
  return runInNewContext('gc')
}
