import { setMaxListeners } from 'node:events'
import { sleep } from '../async/sleep.ts'
import { isReady } from '../protocol/results/states.ts'
import type { TaskResult } from '../protocol/results/task-result.ts'
import type { ResultStore, WaitOptions } from './result-store.ts'

const GRACE_MS = 300
const LOOK_MS = 5_000
const AT_ONCE = 200

/** A wait, and the steps before what is waited for. */
export interface Following {
  readonly store: ResultStore
  /** Nothing comes after one of these that failed. */
  readonly steps: readonly string[]
  /** All tasks before it, members of groups included: where one failed, its chord's body says so, but for one that is lost. */
  readonly before: () => readonly string[]
  readonly options: Pick<WaitOptions, 'signal' | 'intervalMs'>
  readonly failureOf: (result: TaskResult) => Error
}

/**
 * Waits, but not for what will never come: nothing follows a step that was revoked, and nothing is stored for what would
 * have followed. Celery's `follow_parents`.
 */
export async function failOnParentFailure<Value>(
  { store, steps, before, options, failureOf }: Following,
  wait: (signal: AbortSignal | undefined) => Promise<Value>,
): Promise<Value> {
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
  const broken = failedBefore({ store, before, signal }).then(async (failed) => {
    if (failed !== undefined) throw failureOf(failed)
    return await never<Value>()
  })
  try {
    return await Promise.race([wait(signal), broken, ...breaks])
  } finally {
    over.abort()
  }
}

/**
 * A member that failed a while ago, though nothing is stored of what follows its chord: Python's workers leave some bodies
 * without an end, and Python's `get()` throws the member's failure. Looks now and then, at a batch of results.
 */
async function failedBefore({
  store,
  before,
  signal,
}: Pick<Following, 'store' | 'before'> & { readonly signal: AbortSignal }): Promise<
  TaskResult | undefined
> {
  try {
    await sleep(LOOK_MS, signal)
    let left = store.features.keeps ? before() : []
    const seen = new Set<string>()
    while (left.length > 0) {
      const results = await Promise.all(left.slice(0, AT_ONCE).map(async (id) => store.get(id)))
      const failed = results.filter(({ status }) => isReady(status) && status !== 'SUCCESS')
      const again = failed.find(({ taskId }) => seen.has(taskId))
      if (again !== undefined) return again
      for (const { taskId } of failed) seen.add(taskId)
      const open = results.filter(({ status }) => status !== 'SUCCESS').map((one) => one.taskId)
      left = failed.length > 0 ? open : [...left.slice(AT_ONCE), ...open]
      await sleep(LOOK_MS, signal)
    }
  } catch {
    // The wait is over, or the store cannot be read, which rejects the wait itself.
  }
  return undefined
}

/** Undefined where it cannot be read: the awaited result may come all the same. */
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
