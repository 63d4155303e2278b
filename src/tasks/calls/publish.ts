import type { CopyingPublisher } from '../../brokers/copying-publisher.ts'
import { compressMessage } from '../../protocol/compressed-message.ts'
import type { Message, Route } from '../../protocol/message.ts'
import type { ResolvedRoute } from '../../protocol/routing/routes.ts'
import type { Topology } from '../../protocol/routing/topology.ts'
import type { RetryPolicy } from '../../protocol/tasks/call-options.ts'
import { encodeTask } from '../../protocol/tasks/encode-task.ts'
import { encodeTaskV1 } from '../../protocol/tasks/encode-task-v1.ts'
import type { TaskCall } from '../../protocol/tasks/task-request.ts'
import { taskNode } from '../../results/result-node.ts'
import { tracePublish } from '../../telemetry/traces/trace-publish.ts'
import type { DatedMessage } from '../app/app-vault.ts'
import type { CallDefaults } from './call-defaults.ts'
import { currentRequest, noteChild } from './current-request.ts'
import { type OwnCall, priorityOf } from './priority.ts'
import type { PublishedCall } from './sent-event.ts'
import { type CallInput, taskCall } from './task-call.ts'
import type { TaskRoutes } from './task-routes.ts'

/** What publishing needs of the app. */
export interface PublishContext {
  readonly withOwnOptions: (call: CallInput) => OwnCall
  readonly routes: () => TaskRoutes
  readonly defaults: CallDefaults
  /** task_protocol: 2, or 1 for workers before Celery 4. */
  readonly protocol: number
  readonly outgoing: () => Promise<CopyingPublisher>
  /** The same, where it is there already. */
  readonly openedPublisher: () => CopyingPublisher | undefined
  /** True where what is to come later waits elsewhere. */
  readonly hold: (dated: DatedMessage) => Promise<boolean>
  /** Called for each call that the broker has confirmed. */
  readonly onPublished?: ((published: PublishedCall) => void) | undefined
}

/** A call that is ready to go: what is kept until the broker has confirmed it, and no more, as a hundred thousand may wait. */
interface ReadyCall extends DatedMessage {
  readonly route: ResolvedRoute
  /** The way to where it waits for its eta. */
  readonly delayed: Route
  readonly deadlineMs: number
  readonly isMember: boolean
  /** Its fields for `task-sent`, where that is sent. */
  readonly call: TaskCall | undefined
}

/**
 * Journey 1/7, publish: a call becomes a Celery message, confirmed by the broker before this resolves.
 * Next: the exchange, in brokers/broker.ts. Rejects with `UnroutableTaskError` where the task would reach no work queue.
 *
 * No async function on the way waits for the broker: each takes some hundred bytes for as long as it waits.
 */
export function publish(input: CallInput, context: PublishContext): Promise<string> {
  try {
    const own = context.withOwnOptions(input)
    const route = context.routes().routeOf(own)
    const routed = withOptionsOf(route, own)
    const ready = readyCall(routed, route, context)
    const { compression = context.defaults.compression } = routed.options
    return compression === undefined
      ? publishReady(ready, context)
      : publishCompressed(ready, compression, context)
  } catch (cause) {
    return Promise.reject(cause)
  }
}

/** Routes may say how a message is sent, too, where neither the call nor the task does. */
function withOptionsOf({ options }: ResolvedRoute, call: OwnCall): OwnCall {
  const { compression, deliveryMode } = options
  if (compression === undefined && deliveryMode === undefined) return call
  const ofRoute = {
    ...(typeof compression === 'string' && { compression }),
    ...(deliveryMode !== undefined &&
      ({ deliveryMode: isTransient(deliveryMode) ? 1 : 2 } as const)),
  }
  return { ...call, options: { ...ofRoute, ...call.options } }
}

function isTransient(deliveryMode: unknown): boolean {
  return deliveryMode === 1 || deliveryMode === 'transient'
}

function readyCall(input: OwnCall, route: ResolvedRoute, context: PublishContext): ReadyCall {
  const { options } = input
  const caller = currentRequest()
  const call = taskCall(input, context.defaults, caller)
  const priority = priorityOf(input, route, {
    isTask: caller !== undefined,
    inherited: context.defaults.inheritPriority ? caller?.priority : null,
  })
  const { retry = context.defaults.retry, retryPolicy = context.defaults.retryPolicy } = options
  return {
    taskId: call.id,
    name: call.task,
    eta: call.eta,
    message: messageOf(priority === undefined ? call : { ...call, priority }, context),
    route,
    delayed: context.routes().delayed(route, call.eta),
    deadlineMs: retry ? deadlineMs(retryPolicy) : ONE_TRY_MS,
    isMember: input.isMember === true,
    call: context.onPublished === undefined ? undefined : call,
  }
}

function messageOf(call: TaskCall, { protocol, defaults }: PublishContext): Message {
  return (protocol === 1 ? encodeTaskV1 : encodeTask)(call, defaults)
}

async function publishCompressed(
  ready: ReadyCall,
  compression: string,
  context: PublishContext,
): Promise<string> {
  const message = await compressMessage(ready.message, compression)
  return await publishReady({ ...ready, message }, context)
}

function publishReady(ready: ReadyCall, context: PublishContext): Promise<string> {
  return tracePublish(ready, (traced) => send(ready, traced, context)).then((how) => {
    const { taskId, isMember, call, route, delayed } = ready
    if (!isMember) noteChild(taskNode(taskId))
    if (call !== undefined) {
      const sentBy = how === HELD ? route : delayed
      context.onPublished?.({ call, route: sentBy, queue: route.queue })
    }
    return taskId
  })
}

/** It waits for its eta in the vault, and goes its own way from there. */
const HELD = Symbol('held')

function send(ready: ReadyCall, message: Message, context: PublishContext): Promise<unknown> {
  const declare = context.routes().missing(ready.route)
  const publisher = context.openedPublisher()
  const isPlain = declare === null && (ready.eta === null || ready.eta === undefined)
  if (publisher === undefined || !isPlain) {
    return sendOnceOpen(ready, message, { ...context, declare })
  }
  return publisher.publish(message, ready.delayed, { deadlineMs: ready.deadlineMs })
}

async function sendOnceOpen(
  ready: ReadyCall,
  message: Message,
  { declare, hold, outgoing }: PublishContext & { readonly declare: Topology | null },
): Promise<unknown> {
  if (await hold({ ...ready, message })) return HELD
  const publisher = await outgoing()
  if (declare !== null) await publisher.declareQueue(ready.delayed.routingKey, declare)
  return await publisher.publish(message, ready.delayed, { deadlineMs: ready.deadlineMs })
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
