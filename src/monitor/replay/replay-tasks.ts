import { sleep } from '../../async/sleep.ts'
import type { Broker } from '../../brokers/broker.ts'
import type { Database } from '../../database/database.ts'
import { MonitorError } from '../../errors.ts'
import { type Replayed, type ReplayOptions, replayTask } from './replay-task.ts'

export interface ReplayManyOptions extends ReplayOptions {
  /** The most a second. Default: as fast as they are confirmed. */
  readonly perSecond?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A task that was not replayed, with the reason; the others are replayed. */
export interface NotReplayed {
  readonly taskId: string
  readonly problem: MonitorError
}

/** Replays one after the other, reporting each as it is done. Throws what concerns all: no broker, no database. */
export async function* replayTasks(
  database: Database,
  broker: Broker,
  taskIds: Iterable<string>,
  { perSecond, signal, ...options }: ReplayManyOptions,
): AsyncGenerator<Replayed | NotReplayed> {
  const startedAt = performance.now()
  let published = 0
  for (const taskId of taskIds) {
    signal?.throwIfAborted()
    const outcome = await attempt(database, broker, taskId, options)
    if (!('problem' in outcome)) published += 1
    yield outcome
    if (perSecond !== undefined && options.isDryRun !== true) {
      const dueMs = startedAt + (published * 1000) / perSecond - performance.now()
      if (dueMs > 0) await sleep(dueMs, signal)
    }
  }
}

async function attempt(
  database: Database,
  broker: Broker,
  taskId: string,
  options: ReplayOptions,
): Promise<Replayed | NotReplayed> {
  try {
    return await replayTask(database, broker, taskId, options)
  } catch (error) {
    if (error instanceof MonitorError) return { taskId, problem: error }
    throw error
  }
}
