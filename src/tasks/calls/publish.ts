import type { RoutedMessage } from '../../brokers/broker.ts'
import type { CopyingPublisher } from '../../brokers/copying-publisher.ts'
import { compressMessage } from '../../protocol/compressed-message.ts'
import type { Message } from '../../protocol/message.ts'
import type { ResolvedRoute } from '../../protocol/routing/routes.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import type { CallOptions, RetryPolicy } from '../../protocol/tasks/call-options.ts'
import { encodeTask } from '../../protocol/tasks/encode-task.ts'
import { encodeTaskV1 } from '../../protocol/tasks/encode-task-v1.ts'
import type { TaskCall } from '../../protocol/tasks/task-request.ts'
import { taskNode } from '../../results/result-node.ts'
import { tracePublish } from '../../telemetry/traces/trace-publish.ts'
import type { DatedMessage } from '../app/app-vault.ts'
import type { CallDefaults } from './call-defaults.ts'
import { currentRequest, noteChild } from './current-request.ts'
import type { PublishedCall } from './sent-event.ts'
import { type CallInput, taskCall } from './task-call.ts'
import type { TaskRoutes } from './task-routes.ts'

/** What publishing needs of the app. */
export interface PublishContext {
  readonly routes: () => TaskRoutes
  readonly defaults: CallDefaults
  /** task_protocol: 2, or 1 for workers before Celery 4. */
  readonly protocol: number
  readonly outgoing: () => Promise<CopyingPublisher>
  /** True where what is to come later waits elsewhere. */
  readonly hold: (dated: DatedMessage) => Promise<boolean>
  /** Called for each call that the broker has confirmed. */
  readonly onPublished?: ((published: PublishedCall) => void) | undefined
}

/**
 * Journey 1/8, publish: a call becomes a Celery message, confirmed by the broker before this resolves.
 * Next: the exchange, in brokers/. Throws `UnroutableTaskError` where the task would reach no work queue.
 */
export async function publish(input: CallInput, context: PublishContext): Promise<string> {
  const route = context.routes().routeOf(input)
  const call = taskCall(input, context.defaults, currentRequest())
  const message = await messageOf(call, route, {
    ...context,
    compression: input.options.compression,
  })
  const { id, task, eta } = call
  const sentBy = await tracePublish({ id, task, message, route }, async (traced) => {
    if (await context.hold({ taskId: id, name: task, eta, message: traced, route })) return route
    const delayed = context.routes().delayed(route, eta)
    await send(
      { message: traced, route: delayed, declare: context.routes().missing(route) },
      input.options,
      context,
    )
    return delayed
  })
  if (input.isMember !== true) noteChild(taskNode(call.id))
  context.onPublished?.({ call, route: sentBy, queue: route.queue })
  return call.id
}

async function messageOf(
  call: TaskCall,
  { priority }: ResolvedRoute,
  {
    protocol,
    defaults,
    compression = defaults.compression,
  }: PublishContext & { readonly compression: string | undefined },
): Promise<Message> {
  const encode = protocol === 1 ? encodeTaskV1 : encodeTask
  const message = encode(priority === undefined ? call : { priority, ...call }, defaults)
  return compression === undefined ? message : await compressMessage(message, compression)
}

async function send(
  { message, route, declare }: RoutedMessage & { readonly declare: Topology | null },
  options: CallOptions,
  { outgoing, defaults }: PublishContext,
): Promise<void> {
  const { retry = defaults.retry, retryPolicy = defaults.retryPolicy } = options
  const publisher = await outgoing()
  if (declare !== null) await publisher.declareQueue(route.routingKey, declare)
  await publisher.publish(message, route, {
    deadlineMs: retry ? deadlineMs(retryPolicy) : ONE_TRY_MS,
  })
}

const DEFAULT_DEADLINE_MS = 5_000
const ONE_TRY_MS = 1_000

/** How long a publish may be retried, from Celery's retry policy: the sum of the waits between its attempts. */
function deadlineMs(policy: RetryPolicy | undefined): number {
  if (policy === undefined) return DEFAULT_DEADLINE_MS
  const { maxRetries = 3, intervalStart = 0, intervalStep = 0.2, intervalMax = 1 } = policy
  if (maxRetries === Number.POSITIVE_INFINITY) return maxRetries
  let waitsMs = 0
  for (let attempt = 0; attempt < maxRetries; attempt += 1) {
    waitsMs += Math.min(intervalStart + attempt * intervalStep, intervalMax) * 1_000
  }
  return ONE_TRY_MS + waitsMs
}
