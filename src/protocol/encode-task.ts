import { reprArgs, reprKwargs } from '../codecs/python-repr.ts'
import { type Serializer, serializerByName } from '../codecs/serializers.ts'
import { ProtocolError } from '../errors.ts'
import type { Headers, Message, MessageProperties } from './message.ts'
import { showValue } from './show-value.ts'
import type { SignatureDict, TaskCall } from './task-request.ts'

const NO_ARGS: readonly unknown[] = []
const NO_KWARGS: Readonly<Record<string, unknown>> = {}

/**
 * Journey 1/8, publish: a call becomes a Celery message, protocol 2. Next: the exchange, in brokers/.
 * https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2
 */
export function encodeTask(call: TaskCall): Message {
  const serializer = serializerOf(call)
  const body = [
    call.args ?? NO_ARGS,
    call.kwargs ?? NO_KWARGS,
    {
      callbacks: call.callbacks ?? null,
      errbacks: call.errbacks ?? null,
      chain: call.chain ?? null,
      chord: call.chord ?? null,
    },
  ]
  return {
    headers: headersOf(call),
    properties: propertiesOf(call, serializer),
    body: serializer.encode(body),
  }
}

/** The same call in protocol 1, which workers before Celery 4 read; a chain travels as nested callbacks. */
export function encodeTaskV1(call: TaskCall): Message {
  const serializer = serializerOf(call)
  const body = {
    task: call.task,
    id: call.id,
    args: call.args ?? NO_ARGS,
    kwargs: call.kwargs ?? NO_KWARGS,
    group: call.group ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    eta: call.eta ?? null,
    expires: call.expires ?? null,
    utc: true,
    callbacks: callbacksV1(call),
    errbacks: call.errbacks ?? null,
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    taskset: call.group ?? null,
    chord: call.chord ?? null,
  }
  return {
    headers: call.headers ?? {},
    properties: propertiesOf(call, serializer),
    body: serializer.encode(body),
  }
}

/** Every header Python sends, in its order: peers show them, and some compare them. */
function headersOf(call: TaskCall): Headers {
  const headers = {
    lang: 'js',
    task: call.task,
    id: call.id,
    shadow: call.shadow ?? null,
    eta: call.eta ?? null,
    expires: call.expires ?? null,
    group: call.group ?? null,
    group_index: call.groupIndex ?? null,
    retries: call.retries ?? 0,
    timelimit: [call.timeLimit ?? null, call.softTimeLimit ?? null],
    root_id: call.rootId ?? call.id,
    parent_id: call.parentId ?? null,
    argsrepr: call.argsrepr ?? reprArgs(call.args ?? NO_ARGS),
    kwargsrepr: call.kwargsrepr ?? reprKwargs(call.kwargs ?? NO_KWARGS),
    origin: call.origin ?? null,
    // Celery's workers obey null as "what the task says"; absent means false, as Python sends it.
    ignore_result: call.ignoreResult === undefined ? false : call.ignoreResult,
    replaced_task_nesting: call.replacedTaskNesting ?? 0,
    stamped_headers: call.stampedHeaders ?? null,
    stamps: call.stamps ?? {},
  }
  return call.headers === undefined ? headers : { ...headers, ...call.headers }
}

/** Where `priority` is not given it is 0, as in Celery; null leaves the property out. */
function propertiesOf(call: TaskCall, serializer: Serializer): MessageProperties {
  const { replyTo, expirationMs, priority = 0 } = call
  const properties = {
    contentType: serializer.contentType,
    contentEncoding: serializer.contentEncoding,
    deliveryMode: call.deliveryMode ?? 2,
    ...(priority === null ? {} : { priority }),
    correlationId: call.correlationId ?? call.id,
  }
  if (replyTo === undefined || replyTo === null) {
    return expirationMs === undefined ? properties : { ...properties, ...expiring(expirationMs) }
  }
  if (expirationMs === undefined) return { ...properties, replyTo }
  return { ...properties, replyTo, ...expiring(expirationMs) }
}

function expiring(expirationMs: number): { readonly expiration: string } {
  return { expiration: String(Math.max(0, Math.trunc(expirationMs))) }
}

/** The next step becomes a callback that links to the one after it, and so on. */
function callbacksV1({
  callbacks = null,
  chain = null,
}: TaskCall): readonly SignatureDict[] | null {
  if (chain === null || chain.length === 0) return callbacks
  const [last, ...earlier] = chain
  if (last === undefined) return callbacks
  const next = earlier.reduce(linked, last)
  return [...(callbacks ?? []), next]
}

function linked(following: SignatureDict, step: SignatureDict): SignatureDict {
  return { ...step, options: { ...step.options, link: [following] } }
}

function serializerOf(call: TaskCall): Serializer {
  const name = call.serializer ?? 'json'
  const serializer = name === 'pickle' ? undefined : serializerByName(name)
  if (serializer !== undefined) return serializer
  throw new ProtocolError(
    'VALUE_UNENCODABLE',
    `serializer of task "${call.task}" is ${showValue(name)}, expected json, yaml or msgpack`,
  )
}
