import { firstPartRouter } from '../protocol/routers.ts'
import { brokerProblems } from './broker-settings.ts'
import { printedShort } from './printed.ts'
import { queueNameProblems } from './queue-names.ts'
import type { Entry, Resolution } from './resolve.ts'
import { frozenCopy } from './resolve.ts'
import { renderResultBackend, unrenderable } from './result-backend.ts'
import type { SettingName, SettingValues } from './settings.ts'
import { readTaskQueues, type TaskQueue, taskQueue } from './task-queues.ts'

/** Where celery.chord_unlock and its like go, by the first part of their names. */
const CELERY_QUEUE = 'celery'

/** Fills in the settings that follow from others, and checks how settings fit together. Returns warnings. */
export function deriveSettings(resolution: Resolution): readonly string[] {
  const warnings = queueWarnings(resolution)
  deriveQueues(resolution)
  deriveBroker(resolution)
  deriveResultBackend(resolution)
  deriveLogging(resolution)
  return warnings
}

function queueWarnings(resolution: Resolution): readonly string[] {
  if (!isDefault(resolution, 'QUEUES') || !isDefault(resolution, 'task_queues')) return []
  const queues = value(resolution, 'QUEUES').join(' and ')
  return [`no queues were given: the work queues are ${queues}; name yours in QUEUES`]
}

function deriveQueues(resolution: Resolution): void {
  const { problems } = resolution
  const queues = value(resolution, 'QUEUES')
  const platformQueue = value(resolution, 'PLATFORM_QUEUE_NAME')
  problems.push(...queueNameProblems(queues, platformQueue))
  if ([CELERY_QUEUE, value(resolution, 'task_default_queue')].includes(platformQueue)) {
    problems.push(
      `PLATFORM_QUEUE_NAME: ${printedShort(platformQueue)} is the default queue, expected a queue of its own`,
    )
  }
  if (value(resolution, 'task_routes') === null) {
    replace(resolution, 'task_routes', firstPartRouter(exchangeName(resolution)))
  }
  const given = value(resolution, 'task_queues')
  if (given === null) derive(resolution, 'task_queues', Object.freeze(derivedQueues(resolution)))
  else replace(resolution, 'task_queues', readTaskQueues(given, exchangeOf(resolution), problems))
}

/** `celery`, which Celery's own tasks are routed to, the platform, default and work queues, all on one exchange. */
function derivedQueues(resolution: Resolution): TaskQueue[] {
  const defaultQueue = value(resolution, 'task_default_queue')
  const keys = new Map([
    [defaultQueue, value(resolution, 'task_default_routing_key') ?? defaultQueue],
    ...value(resolution, 'QUEUES').map((name) => [name, name] as const),
    [CELERY_QUEUE, CELERY_QUEUE],
    [value(resolution, 'PLATFORM_QUEUE_NAME'), '#'],
  ])
  const isQuorum = value(resolution, 'task_default_queue_type') === 'quorum'
  const options = isQuorum ? { queue_arguments: { 'x-queue-type': 'quorum' } } : {}
  return [...keys].map(([name, key]) =>
    taskQueue(name, { ...options, routing_key: key }, exchangeOf(resolution)),
  )
}

function exchangeOf(resolution: Resolution) {
  return {
    exchange: exchangeName(resolution),
    exchange_type: value(resolution, 'task_default_exchange_type'),
  }
}

/** As in Celery, no exchange means one that is named as the default queue. */
function exchangeName(resolution: Resolution): string {
  return value(resolution, 'task_default_exchange') ?? value(resolution, 'task_default_queue')
}

function deriveBroker(resolution: Resolution): void {
  resolution.problems.push(
    ...brokerProblems({
      broker_url: value(resolution, 'broker_url'),
      broker_transport: value(resolution, 'broker_transport'),
      broker_host: value(resolution, 'broker_host'),
      broker_port: value(resolution, 'broker_port'),
      broker_user: value(resolution, 'broker_user'),
      broker_password: value(resolution, 'broker_password'),
      broker_vhost: value(resolution, 'broker_vhost'),
    }),
  )
  if (!isDefault(resolution, 'broker_transport_options')) return
  derive(resolution, 'broker_transport_options', {
    region: 'us-west-2',
    queue_name_prefix: `${value(resolution, 'QUEUE_PREFIX')}-`,
    wait_time_seconds: 20,
    visibility_timeout: 20,
    interval_start: 0,
    max_retries: 1,
  })
}

function deriveResultBackend(resolution: Resolution): void {
  const template = value(resolution, 'result_backend')
  if (template === null || !/[{}]/.test(template)) return
  try {
    const rendered = renderResultBackend(template, (name) => resolution.entries.get(name)?.value)
    if (isDefault(resolution, 'result_backend')) derive(resolution, 'result_backend', rendered)
    else replace(resolution, 'result_backend', rendered)
  } catch {
    // Why is said in full by the sentence itself, which people search for.
    resolution.problems.push(unrenderable(template))
  }
}

function deriveLogging(resolution: Resolution): void {
  if (
    value(resolution, 'SETUP_FILE_LOGGING') &&
    isDefault(resolution, 'worker_hijack_root_logger')
  ) {
    derive(resolution, 'worker_hijack_root_logger', false)
  }
  const dsn = value(resolution, 'SENTRY_DSN')
  const hasDsn = dsn !== null && dsn !== ''
  if (isDefault(resolution, 'SETUP_SENTRY_LOGGING')) {
    if (hasDsn) derive(resolution, 'SETUP_SENTRY_LOGGING', true)
  } else if (value(resolution, 'SETUP_SENTRY_LOGGING') && !hasDsn) {
    resolution.problems.push(
      `SETUP_SENTRY_LOGGING: ${printedShort(true)} needs SENTRY_DSN, expected both`,
    )
  }
}

function value<Name extends SettingName>({ entries }: Resolution, name: Name): SettingValues[Name] {
  // Each entry was read by the type of its setting.
  return entries.get(name)?.value as SettingValues[Name]
}

function isDefault({ entries }: Resolution, name: SettingName): boolean {
  return entries.get(name)?.source === 'default'
}

function derive({ entries }: Resolution, name: SettingName, derived: unknown): void {
  entries.set(name, { value: frozenCopy(derived), source: 'derived' })
}

function replace({ entries }: Resolution, name: SettingName, replacement: unknown): void {
  const entry: Entry = entries.get(name) ?? { value: null, source: 'argument' }
  entries.set(name, { ...entry, value: frozenCopy(replacement) })
}
