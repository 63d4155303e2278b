import { reprArgs, reprKwargs } from '../../codecs/python/python-repr.ts'
import type { Headers, Message } from '../message.ts'
import { orNull, propertiesOf, serializerOf } from './call-properties.ts'
import type { TaskCall } from './task-request.ts'

const NO_ARGS: readonly unknown[] = []
const NO_KWARGS: Readonly<Record<string, unknown>> = {}
const NO_STAMPS: Readonly<Record<string, unknown>> = {}

/**
 * Journey 1/7, publish: a call becomes a Celery message, protocol 2. Next: the exchange, in brokers/broker.ts.
 * https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2
 */
export function encodeTask(call: TaskCall, { maxNodes }: EncodeOptions = {}): Message {
  const { args = NO_ARGS, kwargs = NO_KWARGS } = call
  const serializer = serializerOf(call)
  const embed = {
    callbacks: orNull(call.callbacks),
    errbacks: orNull(call.errbacks),
    chain: orNull(call.chain),
    chord: orNull(call.chord),
  }
  return {
    headers: headersOf(call),
    properties: propertiesOf(call, serializer),
    body: serializer.encode([args, kwargs, embed], maxNodes),
  }
}

export interface EncodeOptions {
  /** Values that a body may hold: MESSAGE_LIMIT_NODES. */
  readonly maxNodes?: number
}

/** Every header Python sends, in its order; user headers come last and win, as in Celery. */
function headersOf(call: TaskCall): Headers {
  const { args = NO_ARGS, kwargs = NO_KWARGS, retries = 0, replacedTaskNesting = 0 } = call
  const { ignoreResult = false, stamps = NO_STAMPS } = call
  const headers = {
    lang: 'js',
    task: call.task,
    id: call.id,
    shadow: orNull(call.shadow),
    eta: orNull(call.eta),
    expires: orNull(call.expires),
    group: orNull(call.group),
    group_index: orNull(call.groupIndex),
    retries,
    timelimit: [orNull(call.timeLimit), orNull(call.softTimeLimit)],
    root_id: call.rootId ?? call.id,
    parent_id: orNull(call.parentId),
    argsrepr: call.argsrepr ?? reprArgs(args),
    kwargsrepr: call.kwargsrepr ?? reprKwargs(kwargs),
    origin: orNull(call.origin),
    ignore_result: ignoreResult,
    replaced_task_nesting: replacedTaskNesting,
    stamped_headers: orNull(call.stampedHeaders),
    stamps,
  }
  // A spread, not an assignment: it cannot reach the prototype by a header named __proto__.
  return call.headers === undefined ? headers : { ...headers, ...call.headers }
}
