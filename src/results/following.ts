import { setMaxListeners } from 'node:events'
import { sleep } from '../async/sleep.ts'
import { isReady } from '../protocol/states.ts'
import type { TaskResult } from '../protocol/task-result.ts'
import type { ResultStore, WaitOptions } from './result-store.ts'

const GRACE_MS = 300

/** A wait, and the steps before what is waited for. */
export interface Following {
  readonly store: ResultStore
  readonly steps: readonly string[]
  readonly options: Pick<WaitOptions, 'signal' | 'intervalMs'>
  readonly failureOf: (result: TaskResult) => Error
}

/**
 * Waits, but not for what will never come: nothing follows a step that was revoked, and nothing is stored for what would
 * have followed. Celery's `follow_parents`.
 */
export async function whileUnbroken<Value>(
  { store, steps, options, failureOf }: Following,
  wait: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
  if (steps.length === 0) return await wait(options.signal)
  const over = new AbortController()
  const { signal: given, ...rest } = options
  const signal = given === undefined ? over.signal : AbortSignal.any([given, over.signal])
  // One for each step.
  setMaxListeners(0, signal)
  const breaks = steps.map(async (step) => {
    const result = await endOf(store, step, { ...rest, signal })
    if (result !== undefined && isReady(result.status) && result.status !== 'SUCCESS') {
      // Its end may be about to be stored, with an error of its own.
      if (result.status === 'FAILURE') await sleep(GRACE_MS, signal)
      throw failureOf(result)
    }
    return await never<Value>()
  })
  try {
    return await Promise.race([wait(signal), ...breaks])
  } finally {
    over.abort()
  }
}

/** Undefined where it cannot be told: what is waited for may come all the same. */
async function endOf(
  store: ResultStore,
  taskId: string,
  options: WaitOptions,
): Promise<TaskResult | undefined> {
  try {
    return await store.waitFor(taskId, options)
  } catch {
    return undefined
  }
}

function never<Value>(): Promise<Value> {
  return new Promise(() => undefined)
}
