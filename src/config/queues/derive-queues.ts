import {
  firstPartRouter,
  knownQueueRouter,
  type RouterFunction,
} from '../../protocol/routing/routers.ts'
import { derive, isDefault, replace, value } from '../derived.ts'
import { printedShort } from '../printed.ts'
import type { Resolution } from '../resolve/resolve.ts'
import { queueNameProblems } from './queue-names.ts'
import { type QueueDefaults, readTaskQueues, type TaskQueue, taskQueue } from './task-queues.ts'

/** Where celery.chord_unlock and its like go, by the first part of their names. */
const CELERY_QUEUE = 'celery'

/** How the warning begins that concerns only who consumes or declares queues. */
export const NO_QUEUES = 'no queues were given'

export function queueWarnings(resolution: Resolution): readonly string[] {
  if (!isDefault(resolution, 'QUEUES') || !isDefault(resolution, 'task_queues')) return []
  if (isCelery(resolution)) return []
  const queues = value(resolution, 'QUEUES').join(' and ')
  return [`${NO_QUEUES}: the work queues are ${queues}; name yours in QUEUES`]
}

export function deriveQueues(resolution: Resolution): void {
  if (isCelery(resolution)) deriveCeleryDefaults(resolution)
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
    replace(resolution, 'task_routes', defaultRouter(resolution))
  }
  const given = value(resolution, 'task_queues')
  if (given === null) derive(resolution, 'task_queues', Object.freeze(derivedQueues(resolution)))
  else replace(resolution, 'task_queues', readTaskQueues(given, exchangeOf(resolution), problems))
}

/** What a plain Celery has where nothing is set: the queue and the direct exchange `celery`. */
function deriveCeleryDefaults(resolution: Resolution): void {
  if (isDefault(resolution, 'task_default_exchange')) {
    derive(resolution, 'task_default_exchange', null)
  }
  if (isDefault(resolution, 'task_default_exchange_type')) {
    derive(resolution, 'task_default_exchange_type', 'direct')
  }
  if (isDefault(resolution, 'QUEUES')) {
    derive(resolution, 'QUEUES', [value(resolution, 'task_default_queue')])
  }
}

function defaultRouter(resolution: Resolution): RouterFunction {
  return isCelery(resolution)
    ? knownQueueRouter(value(resolution, 'QUEUES'))
    : firstPartRouter(exchangeName(resolution))
}

function derivedQueues(resolution: Resolution): TaskQueue[] {
  return isCelery(resolution) ? plainQueues(resolution) : mirroredQueues(resolution)
}

/** `celery`, which Celery's own tasks are routed to, the platform, default and work queues, all on one exchange. */
function mirroredQueues(resolution: Resolution): TaskQueue[] {
  const keys = new Map([
    ...defaultKey(resolution),
    ...value(resolution, 'QUEUES').map((name) => [name, name] as const),
    [CELERY_QUEUE, CELERY_QUEUE],
  ])
  if (value(resolution, 'MIRROR')) keys.set(value(resolution, 'PLATFORM_QUEUE_NAME'), '#')
  return [...keys].map((pair) => queueOf(resolution, pair, exchangeOf(resolution)))
}

/** As Celery declares them: each but the default queue on a direct exchange of its own name. */
function plainQueues(resolution: Resolution): TaskQueue[] {
  const keys = defaultKey(resolution)
  const ofDefault = [...keys].map((pair) => queueOf(resolution, pair, exchangeOf(resolution)))
  const others = value(resolution, 'QUEUES')
    .filter((name) => !keys.has(name))
    .map((name) => queueOf(resolution, [name, name], { exchange: name, exchange_type: 'direct' }))
  return [...ofDefault, ...others]
}

function defaultKey(resolution: Resolution): Map<string, string> {
  const name = value(resolution, 'task_default_queue')
  return new Map([[name, value(resolution, 'task_default_routing_key') ?? name]])
}

function queueOf(
  resolution: Resolution,
  [name, key]: readonly [name: string, key: string],
  exchange: QueueDefaults,
): TaskQueue {
  const isQuorum = value(resolution, 'task_default_queue_type') === 'quorum'
  const options = isQuorum ? { queue_arguments: { 'x-queue-type': 'quorum' } } : {}
  return taskQueue(name, { ...options, routing_key: key }, exchange)
}

function exchangeOf(resolution: Resolution): QueueDefaults {
  return {
    exchange: exchangeName(resolution),
    exchange_type: value(resolution, 'task_default_exchange_type'),
  }
}

/** As in Celery, no exchange means one that is named as the default queue. */
function exchangeName(resolution: Resolution): string {
  return value(resolution, 'task_default_exchange') ?? value(resolution, 'task_default_queue')
}

function isCelery(resolution: Resolution): boolean {
  return value(resolution, 'TOPOLOGY') === 'celery'
}
