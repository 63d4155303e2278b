import { TaskError } from '../../errors.ts'
import { AsyncPool } from './async-pool.ts'
import type { Pool, PoolName } from './pool.ts'

export function openPool(name: PoolName): Pool {
  if (name === 'async') return new AsyncPool()
  throw new TaskError('TASK_INVALID', `there is no pool "${name}" here: the only one is "async"`)
}
