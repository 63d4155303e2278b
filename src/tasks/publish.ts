import type { Broker } from '../brokers/broker.ts'
import type { CallOptions } from '../protocol/call-options.ts'
import { compressMessage } from '../protocol/compressed-message.ts'
import { encodeTask } from '../protocol/encode-task.ts'
import { encodeTaskV1 } from '../protocol/encode-task-v1.ts'
import { currentRequest, noteChild } from './current-request.ts'
import { type CallDefaults, type CallInput, taskCall } from './task-call.ts'
import type { TaskRoutes } from './task-routes.ts'

/** What publishing needs of the app. */
export interface PublishContext {
  readonly routes: TaskRoutes
  readonly defaults: CallDefaults
  /** task_protocol: 2, or 1 for workers before Celery 4. */
  readonly protocol: number
  readonly broker: () => Promise<Broker>
}

/**
 * Journey 1/8, publish: a call becomes a Celery message, confirmed by the broker before this resolves.
 * Next: the exchange, in brokers/. Throws `UnroutableTaskError` where the task would reach no work queue.
 */
export async function publish(input: CallInput, context: PublishContext): Promise<string> {
  const { options } = input
  const route = context.routes.routeOf(input)
  const call = taskCall(input, context.defaults, currentRequest())
  const encode = context.protocol === 1 ? encodeTaskV1 : encodeTask
  const message = encode(
    route.priority === undefined ? call : { priority: route.priority, ...call },
  )
  const sent =
    options.compression === undefined
      ? message
      : await compressMessage(message, options.compression)
  const broker = await context.broker()
  const sentBy = context.routes.delayed(route, call.eta)
  await broker.publish(sent, sentBy, { deadlineMs: deadlineMs(options) })
  noteChild(call.id)
  return call.id
}

const DEFAULT_DEADLINE_MS = 5_000

/** How long a publish may be retried, from Celery's retry policy: the sum of the waits between its attempts. */
function deadlineMs({ retry = true, retryPolicy }: CallOptions): number {
  if (!retry) return 1_000
  if (retryPolicy === undefined) return DEFAULT_DEADLINE_MS
  const { maxRetries = 3, intervalStart = 0, intervalStep = 0.2, intervalMax = 1 } = retryPolicy
  let seconds = 1
  for (let attempt = 0; attempt < maxRetries; attempt += 1) {
    seconds += Math.min(intervalStart + attempt * intervalStep, intervalMax)
  }
  return Math.max(seconds * 1_000, 1_000)
}
