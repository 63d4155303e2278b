import { reprArgs, reprKwargs } from '../../codecs/python/python-repr.ts'
import type { Route } from '../../protocol/message.ts'
import type { TaskCall } from '../../protocol/tasks/task-request.ts'

/** What a published call is: the fields of its `task-sent` event, with `task_send_sent_event`. */
export interface PublishedCall {
  readonly call: TaskCall
  /** Where it was published. */
  readonly route: Route
  /** The queue it goes to by name; null where exchange and routing key alone decide. */
  readonly queue: string | null
}

/** As Celery's clients send it. */
export function sentFields({ call, route, queue }: PublishedCall): Record<string, unknown> {
  const { args = [], kwargs = {} } = call
  return {
    uuid: call.id,
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    name: call.task,
    args: call.argsrepr ?? reprArgs(args),
    kwargs: call.kwargsrepr ?? reprKwargs(kwargs),
    retries: call.retries ?? 0,
    eta: call.eta ?? null,
    expires: call.expires ?? null,
    queue,
    exchange: route.exchange,
    routing_key: route.routingKey,
  }
}
