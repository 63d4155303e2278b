import { nearestName } from '../../config/resolve/nearest-name.ts'
import { TaskError } from '../../errors.ts'
import type { PoolName } from './pool.ts'

/** Ours, and what the names of Python's pools mean here: its processes are processes, its green threads an event loop. */
const POOLS: Readonly<Record<string, PoolName>> = {
  async: 'async',
  threads: 'threads',
  processes: 'processes',
  prefork: 'processes',
  gevent: 'async',
  eventlet: 'async',
  solo: 'async',
}

/** The pool that a name means. Throws TASK_INVALID where it means none. */
export function poolNamed(name: string): PoolName {
  const pool = Object.hasOwn(POOLS, name) ? POOLS[name] : undefined
  if (pool !== undefined) return pool
  const names = Object.keys(POOLS)
  const nearest = nearestName(name, names)
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`
  throw new TaskError(
    'TASK_INVALID',
    `there is no pool "${name}"${hint}; expected one of ${names.join(', ')}`,
  )
}

/** Python's pool that runs one task at a time under any concurrency. */
export function runsOneAtATime(name: string): boolean {
  return name === 'solo'
}
