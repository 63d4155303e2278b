import { repr } from '../../codecs/python/python-repr.ts'
import type { CommandFunction } from '../../control/mailbox.ts'
import type { Logger } from '../../logger.ts'
import { parseRateLimit } from '../../schedule/token-bucket.ts'
import type { Job } from '../job.ts'
import { type Arguments, optionalSeconds } from './arguments.ts'
import type { ControlledWorker } from './controlled-worker.ts'
import type { LiveTaskOptions } from './live-options.ts'

interface LimitParts {
  readonly worker: ControlledWorker
  readonly options: LiveTaskOptions
  readonly logger: Logger
}

/** The commands that change a task's limits, with Celery's names, arguments and answers. */
export function limitCommands(parts: LimitParts): readonly (readonly [string, CommandFunction])[] {
  return [
    ['rate_limit', (args) => rateLimit(parts, args)],
    ['time_limit', (args) => timeLimit(parts, args)],
  ]
}

function rateLimit({ worker, options, logger }: LimitParts, args: Arguments): unknown {
  const { rate_limit: limit } = args
  if (!isRateLimit(limit)) {
    const expected = 'a number, alone or with /s, /m or /h, as 10/m'
    return error(`Invalid rate limit string: ${repr(limit)}, expected ${expected}`)
  }
  const task = taskOf(worker, args)
  if (task === undefined) return unknownTask(args, logger)
  options.change(task, { rateLimit: limit })
  worker.requeueLimited(task.name)
  logger.info({ task: task.name, rateLimit: limit }, 'rate limit changed')
  const isNone = parseRateLimit(limit) === null
  return { ok: isNone ? 'rate limit disabled successfully' : 'new rate limit set successfully' }
}

function timeLimit({ worker, options, logger }: LimitParts, args: Arguments): unknown {
  const task = taskOf(worker, args)
  if (task === undefined) return unknownTask(args, logger)
  const limits = {
    softTimeLimit: optionalSeconds(args, 'soft') || undefined,
    timeLimit: optionalSeconds(args, 'hard') || undefined,
  }
  options.change(task, limits)
  logger.info({ task: task.name, ...limits }, 'time limits changed')
  return { ok: 'time limits set successfully' }
}

function taskOf(worker: ControlledWorker, { task_name }: Arguments): Job['task'] | undefined {
  return typeof task_name === 'string' ? worker.task(task_name) : undefined
}

function unknownTask({ task_name: task }: Arguments, logger: Logger): unknown {
  logger.error({ task: shownName(task) }, 'remote control names a task that is not registered here')
  return error(`unknown task ${repr(task)}`)
}

function shownName(task: unknown): string {
  return typeof task === 'string' ? task.slice(0, MOST_SHOWN) : repr(task).slice(0, MOST_SHOWN)
}

const MOST_SHOWN = 300

function isRateLimit(limit: unknown): limit is string | number | null | undefined {
  const isOfType = ['string', 'number', 'undefined'].includes(typeof limit) || limit === null
  if (!isOfType) return false
  try {
    parseRateLimit(limit as string | number | null | undefined) // checked above
    return true
  } catch {
    // The answer says so.
    return false
  }
}

function error(text: string): { readonly error: string } {
  return { error: text }
}
