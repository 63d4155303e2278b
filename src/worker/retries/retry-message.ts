import type { Delivery } from '../../brokers/broker.ts'
import { timezoneOf } from '../../config/app-timezone.ts'
import type { Config } from '../../config/config.ts'
import type { Message, Route } from '../../protocol/message.ts'
import { encodeTask } from '../../protocol/tasks/encode-task.ts'
import { encodeTaskV1 } from '../../protocol/tasks/encode-task-v1.ts'
import type { TaskCall, TaskRequest } from '../../protocol/tasks/task-request.ts'
import { userHeaders } from '../../protocol/tasks/user-headers.ts'
import { expirationMs, isoAfterSeconds, toIso } from '../../protocol/times.ts'
import { delayedRoute } from '../../tasks/calls/delayed-route.ts'
import type { RetryOptions } from '../../tasks/signals.ts'
import { retryArguments } from './retry-arguments.ts'

interface NextAttempt {
  readonly countdown: number
  readonly options: RetryOptions
  readonly config: Config
  /** The names of the task's parameters. */
  readonly params: readonly string[] | undefined
}

/** The same task again: same id, one retry more, later; back to where the message came from, when its eta is due. */
export function retryMessage(
  delivery: Delivery,
  request: TaskRequest,
  retry: NextAttempt,
): { readonly message: Message; readonly route: Route; readonly eta: string | null } {
  const now = new Date()
  const due = dueAt(retry, now)
  const expires = expiryOf(request, retry, now)
  const { args, kwargs } = retryArguments(request, retry.options, retry.params)
  const call: TaskCall = {
    ...request,
    args,
    kwargs,
    expires,
    retries: request.retries + 1,
    eta: due,
    parentId: request.parentId ?? request.id,
    correlationId: request.correlationId ?? request.id,
    headers: userHeaders(request.headers),
    ...(expires === null ? {} : { expirationMs: expirationMs(expires, now) }),
  }
  const sent = withFreshRepr(call, request)
  const { task_protocol: protocol, enable_utc: isUtc, MESSAGE_LIMIT_NODES: maxNodes } = retry.config
  const encode = protocol === 1 ? encodeTaskV1 : encodeTask
  return {
    message: encode(sent, { isUtc, maxNodes }),
    route: delayedRoute(delivery.route, null, retry.config),
    eta: due,
  }
}

/** Without a delay there is no eta, as in Celery. */
function dueAt({ options: { eta }, countdown, config }: NextAttempt, now: Date): string | null {
  if (eta !== undefined) return toIso(eta)
  return countdown === 0 ? null : isoAfterSeconds(countdown, now, timezoneOf(config))
}

/** As it was, unless the retry says otherwise. */
function expiryOf(
  request: TaskRequest,
  { options, config }: NextAttempt,
  now: Date,
): string | null {
  const { expires } = options
  if (expires === undefined) return request.expires
  if (expires === null) return null
  return typeof expires === 'number'
    ? isoAfterSeconds(expires, now, timezoneOf(config))
    : toIso(expires)
}

/** Other arguments need another text for them. */
function withFreshRepr(call: TaskCall, before: TaskRequest): TaskCall {
  const { argsrepr, kwargsrepr, ...rest } = call
  return {
    ...rest,
    ...(call.args === before.args && argsrepr !== undefined ? { argsrepr } : {}),
    ...(call.kwargs === before.kwargs && kwargsrepr !== undefined ? { kwargsrepr } : {}),
  }
}
