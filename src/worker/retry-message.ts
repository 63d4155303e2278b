import type { Delivery } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import { encodeTask } from '../protocol/encode-task.ts'
import { encodeTaskV1 } from '../protocol/encode-task-v1.ts'
import type { Message, Route } from '../protocol/message.ts'
import type { TaskCall, TaskRequest } from '../protocol/task-request.ts'
import { expirationMs, isoAfterSeconds, toIso } from '../protocol/times.ts'
import { userHeaders } from '../protocol/user-headers.ts'
import { timezoneOf } from '../tasks/call-defaults.ts'
import { delayedRoute } from '../tasks/delayed-route.ts'
import type { RetryOptions } from '../tasks/signals.ts'

/** The same task again: same id, one retry more, later; back to where the message came from, when its eta is due. */
export function retryMessage(
  delivery: Delivery,
  request: TaskRequest,
  retry: { readonly countdown: number; readonly options: RetryOptions; readonly config: Config },
): { readonly message: Message; readonly route: Route; readonly eta: string } {
  const now = new Date()
  const { eta, args, kwargs } = retry.options
  const due =
    eta === undefined ? isoAfterSeconds(retry.countdown, now, timezoneOf(retry.config)) : toIso(eta)
  const call: TaskCall = {
    ...request,
    args: args ?? request.args,
    kwargs: kwargs ?? request.kwargs,
    retries: request.retries + 1,
    eta: due,
    parentId: request.parentId ?? request.id,
    correlationId: request.correlationId ?? request.id,
    headers: userHeaders(request.headers),
    ...(request.expires === null ? {} : { expirationMs: expirationMs(request.expires, now) }),
  }
  const sent = withFreshRepr(call, retry.options)
  const { task_protocol: protocol, enable_utc: isUtc } = retry.config
  return {
    message: protocol === 1 ? encodeTaskV1(sent, { isUtc }) : encodeTask(sent),
    route: delayedRoute(delivery.route, null, retry.config),
    eta: due,
  }
}

/** Other arguments need another text for them. */
function withFreshRepr(call: TaskCall, { args, kwargs }: RetryOptions): TaskCall {
  const { argsrepr, kwargsrepr, ...rest } = call
  return {
    ...rest,
    ...(args === undefined && argsrepr !== undefined ? { argsrepr } : {}),
    ...(kwargs === undefined && kwargsrepr !== undefined ? { kwargsrepr } : {}),
  }
}
