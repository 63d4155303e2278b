import type { Config } from '../../config/config.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import type { Logger } from '../../logger.ts'
import type { ControlledPool } from '../pools/controlled-pool.ts'
import { type Arguments, optionalInteger, refused } from './arguments.ts'

interface PoolCommandParts {
  readonly pool: () => ControlledPool
  readonly config: Config
  readonly logger: Logger
}

/** The commands about how many tasks run at a time, with Celery's names, arguments and answers. */
export function poolCommands(
  parts: PoolCommandParts,
): readonly (readonly [string, CommandFunction])[] {
  return [
    ['pool_grow', (args) => resize(parts, 'grow', args)],
    ['pool_shrink', (args) => resize(parts, 'shrink', args)],
    ['pool_restart', (args) => restart(parts, args)],
    ['autoscale', (args) => autoscale(parts, args)],
  ]
}

function resize(
  { pool, logger }: PoolCommandParts,
  how: 'grow' | 'shrink',
  args: Arguments,
): unknown {
  const controlled = pool()
  if (controlled.autoscale !== null) {
    return {
      error: `pool_${how} is not supported with autoscale. Adjust autoscale range instead.`,
    }
  }
  const n = optionalInteger(args, 'n', 1) ?? 1
  const left = controlled.concurrency + (how === 'grow' ? n : -n)
  if (left < 1) {
    throw refused('n', n, `a number that leaves 1 or more of the ${controlled.concurrency} slots`)
  }
  if (left > MOST_SLOTS) throw refused('n', n, `a number that makes at most ${MOST_SLOTS} slots`)
  controlled[how](n)
  logger.info({ concurrency: left }, 'pool resized')
  return { ok: `pool will ${how}` }
}

/** As many as a broker hands out at a time. */
const MOST_SLOTS = 65_535

function restart({ pool, config, logger }: PoolCommandParts, args: Arguments): unknown {
  if (!config.worker_pool_restarts) {
    throw namedError('Pool restarts not enabled')
  }
  const { modules } = args
  if (modules !== undefined && modules !== null && !Array.isArray(modules)) {
    throw refused('modules', modules, 'a list of names, or None')
  }
  pool().restart()
  logger.info('pool restarted')
  return { ok: 'reload started' }
}

function autoscale({ pool, logger }: PoolCommandParts, args: Arguments): unknown {
  const controlled = pool()
  const before = controlled.autoscale
  if (before === null) throw namedError('Autoscale not enabled')
  const max = optionalInteger(args, 'max', 1) ?? before.max
  const min = optionalInteger(args, 'min', 1) ?? before.min
  if (max > MOST_SLOTS) throw refused('max', max, `at most ${MOST_SLOTS}`)
  if (min > max) throw refused('min', min, `at most max, which is ${max}`)
  const { max: most, min: least } = controlled.scale({ max, min })
  logger.info({ max: most, min: least }, 'autoscale limits changed')
  return { ok: `autoscale now max=${most} min=${least}` }
}

/** Python says `ValueError('…')`. */
function namedError(text: string): Error {
  const error = new Error(text)
  error.name = 'ValueError'
  return error
}
