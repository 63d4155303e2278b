import { TaskError } from '../../errors.ts'
import { AsyncPool } from './async-pool.ts'
import { ChildPool, type ChildPoolOptions } from './children/child-pool.ts'
import { startProcessChild } from './children/process-child.ts'
import { startThreadChild } from './children/thread-child.ts'
import type { LoopBlock } from './loop-watch.ts'
import type { Pool, PoolName } from './pool.ts'

export interface PoolOptions extends Omit<ChildPoolOptions, 'name' | 'startChild' | 'module'> {
  /** The app, as `-A` names it; undefined: it is in no module that children could load. */
  readonly module: string | undefined
  /** Called for tasks that block the event loop of the worker. */
  readonly onBlocked?: (block: LoopBlock) => void
}

/** Throws TASK_INVALID for a pool with children where nothing says what they are to load. */
export function openPool(name: PoolName, { module, onBlocked, ...options }: PoolOptions): Pool {
  if (name === 'async') return new AsyncPool(onBlocked)
  if (module === undefined) {
    throw new TaskError(
      'TASK_INVALID',
      `the pool "${name}" needs the module of the app, which its children load: ` +
        'celery-toolbox worker -A app.ts, or app.worker({ module: import.meta.filename })',
    )
  }
  const startChild = name === 'threads' ? startThreadChild : startProcessChild
  return new ChildPool({ ...options, name, module, startChild })
}
