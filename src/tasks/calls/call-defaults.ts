import { timezoneOf } from '../../config/app-timezone.ts'
import type { Config } from '../../config/config.ts'
import type { CallOptions, RetryPolicy } from '../../protocol/tasks/call-options.ts'

/** What a config says about every call. */
export interface CallDefaults {
  readonly replyTo: string
  /** The zone that times are written in. */
  readonly timezone: string | undefined
  readonly isUtc: boolean
  readonly serializer: string
  /** Values that a body may hold. */
  readonly maxNodes: number
  readonly compression: string | undefined
  readonly ignoreResult: boolean
  readonly deliveryMode: 1 | 2
  readonly inheritPriority: boolean
  /** How deep argsrepr and kwargsrepr show; undefined where the config leaves it at Celery's own. */
  readonly reprLevels: number | undefined
  readonly retry: boolean
  /** Undefined where the config leaves it at Celery's own. */
  readonly retryPolicy: RetryPolicy | undefined
}

export function callDefaults(config: Config, replyTo: string): CallDefaults {
  return {
    replyTo,
    timezone: timezoneOf(config),
    isUtc: config.enable_utc,
    serializer: config.task_serializer,
    maxNodes: config.MESSAGE_LIMIT_NODES,
    compression: config.task_compression ?? undefined,
    ignoreResult: config.task_ignore_result,
    deliveryMode: config.task_default_delivery_mode,
    inheritPriority: config.task_inherit_parent_priority,
    reprLevels: config.has('task_repr_maxlevels')
      ? config.task_repr_maxlevels || Number.POSITIVE_INFINITY
      : undefined,
    retry: config.task_publish_retry,
    retryPolicy: config.has('task_publish_retry_policy')
      ? readPolicy(config.task_publish_retry_policy)
      : undefined,
  }
}

/** What a config says of each task that is declared with it: a call by name has none of it, as in Celery. */
export function taskDefaults(config: Config): CallOptions {
  const { task_default_priority: priority, task_time_limit, task_soft_time_limit } = config
  return {
    ...(priority !== null && { priority }),
    ...(task_time_limit !== null && { timeLimit: task_time_limit }),
    ...(task_soft_time_limit !== null && { softTimeLimit: task_soft_time_limit }),
  }
}

/** Celery's names; a number of retries that is None is without end. */
function readPolicy(policy: Readonly<Record<string, unknown>>): RetryPolicy {
  const { max_retries: most } = policy
  const names = [
    ['intervalStart', policy.interval_start],
    ['intervalStep', policy.interval_step],
    ['intervalMax', policy.interval_max],
    ['maxRetries', most === null ? Number.POSITIVE_INFINITY : most],
  ]
  return Object.fromEntries(names.filter(([, value]) => typeof value === 'number'))
}
