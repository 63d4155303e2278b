import type { Message } from '../message.ts'
import { orNull, propertiesOf, serializerOf } from './call-properties.ts'
import type { EncodeOptions } from './encode-task.ts'
import type { SignatureDict, TaskCall } from './task-request.ts'

/**
 * A call in protocol 1, which workers before Celery 4 read: everything is in the body, and a chain travels as
 * callbacks inside callbacks. https://docs.celeryq.dev/en/stable/internals/protocol.html#version-1
 */
export function encodeTaskV1(
  call: TaskCall,
  { isUtc = true, maxNodes }: EncodeOptions & { readonly isUtc?: boolean } = {},
): Message {
  const { args = [], kwargs = {}, retries = 0, headers = {} } = call
  const serializer = serializerOf(call)
  const body = {
    task: call.task,
    id: call.id,
    args,
    kwargs,
    group: orNull(call.group),
    group_index: orNull(call.groupIndex),
    retries,
    eta: orNull(call.eta),
    expires: orNull(call.expires),
    utc: isUtc,
    callbacks: callbacksOf(call),
    errbacks: orNull(call.errbacks),
    timelimit: [orNull(call.timeLimit), orNull(call.softTimeLimit)],
    taskset: orNull(call.group),
    chord: orNull(call.chord),
  }
  return {
    headers,
    properties: propertiesOf(call, serializer),
    body: serializer.encode(body, maxNodes),
  }
}

/** The next step, the last of a chain's list, becomes a callback that links to the one after it, and so on. */
function callbacksOf({ callbacks = null, chain }: TaskCall): readonly SignatureDict[] | null {
  const [last, ...earlier] = chain ?? []
  if (last === undefined) return callbacks
  return [...(callbacks ?? []), earlier.reduce(linked, last)]
}

function linked(following: SignatureDict, step: SignatureDict): SignatureDict {
  return { ...step, options: { ...step.options, link: [following] } }
}
