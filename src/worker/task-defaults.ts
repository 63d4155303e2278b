import type { Config } from '../config/config.ts'
import type { TaskOptions } from '../tasks/task-options.ts'

/** The options of a task that says nothing of its own, as far as remote control shows them. */
export function taskDefaults(config: Config): TaskOptions {
  const { task_default_rate_limit: rateLimit } = config
  const { task_soft_time_limit: softTimeLimit, task_time_limit: timeLimit } = config
  return {
    acksLate: config.task_acks_late,
    maxRetries: 3,
    defaultRetryDelay: 180,
    ignoreResult: config.task_ignore_result,
    trackStarted: config.task_track_started,
    storeErrorsEvenIfIgnored: config.task_store_errors_even_if_ignored,
    sendEvents: true,
    serializer: config.task_serializer,
    ...(rateLimit !== null && { rateLimit }),
    ...(softTimeLimit !== null && { softTimeLimit }),
    ...(timeLimit !== null && { timeLimit }),
  }
}
