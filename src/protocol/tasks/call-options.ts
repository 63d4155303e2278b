import { FAIRNESS_HEADER } from '../routing/fairness.ts'
import type { SignatureDict } from './task-request.ts'

/** Something that can be sent as a signature: the dict itself, or an object that can give it. */
export type SignatureLike = SignatureDict | { toDict(): SignatureDict }

/**
 * How one call is to be made: Celery's apply_async options under JavaScript names,
 * https://docs.celeryq.dev/en/stable/reference/celery.app.task.html#celery.app.task.Task.apply_async
 */
export interface CallOptions {
  /** Seconds from now. */
  readonly countdown?: number
  readonly eta?: Date | string
  /** Seconds from now, or a time. */
  readonly expires?: number | Date | string
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  /** 0 to 255; higher is sooner on queues that have priorities. null sends none, not even 0. */
  readonly priority?: number | null
  readonly taskId?: string
  /** User headers; a Python task sees them in request.headers. */
  readonly headers?: Readonly<Record<string, unknown>>
  readonly link?: SignatureLike | readonly SignatureLike[]
  readonly linkError?: SignatureLike | readonly SignatureLike[]
  /** Seconds. */
  readonly timeLimit?: number
  /** Seconds. */
  readonly softTimeLimit?: number
  readonly ignoreResult?: boolean
  readonly serializer?: string
  readonly compression?: string
  /** The name that logs and events show instead of the task's. */
  readonly shadow?: string
  /** Try again while the broker is away? Default true. */
  readonly retry?: boolean
  readonly retryPolicy?: RetryPolicy
  readonly deliveryMode?: 1 | 2
  readonly replyTo?: string
  readonly rootId?: string
  readonly parentId?: string
  readonly groupId?: string
  readonly groupIndex?: number
  readonly retries?: number
  readonly argsrepr?: string
  readonly kwargsrepr?: string
  readonly chain?: readonly SignatureLike[]
  readonly chord?: SignatureLike
  readonly origin?: string
  readonly replacedTaskNesting?: number
  readonly stampedHeaders?: readonly string[]
  /** Who wants it: a user's id. This and the next three are for the record; they travel as headers of this call alone. */
  readonly creatorId?: string | number
  /** What it is for: a kind of thing ("project"), … */
  readonly relatedContentTypeId?: string | number
  /** … and which one of them. */
  readonly relatedObjectId?: string | number
  /** Its result is one that people wait for: it is among its family's `overall_results`. */
  readonly isResult?: boolean
  /** Whose work it is, a tenant's: on a queue that is fair (SQS) many messages of one keep no other waiting. */
  readonly fairnessKey?: string
}

/** Seconds, as in Celery: how publishing is retried, https://docs.celeryq.dev/en/stable/userguide/calling.html#retry-policy */
export interface RetryPolicy {
  readonly maxRetries?: number
  readonly intervalStart?: number
  readonly intervalStep?: number
  readonly intervalMax?: number
}

/** Each option's name in JavaScript and on the wire. */
const WIRE_NAMES: Readonly<Record<keyof CallOptions, string>> = {
  countdown: 'countdown',
  eta: 'eta',
  expires: 'expires',
  queue: 'queue',
  exchange: 'exchange',
  routingKey: 'routing_key',
  priority: 'priority',
  taskId: 'task_id',
  headers: 'headers',
  link: 'link',
  linkError: 'link_error',
  timeLimit: 'time_limit',
  softTimeLimit: 'soft_time_limit',
  ignoreResult: 'ignore_result',
  serializer: 'serializer',
  compression: 'compression',
  shadow: 'shadow',
  retry: 'retry',
  retryPolicy: 'retry_policy',
  deliveryMode: 'delivery_mode',
  replyTo: 'reply_to',
  rootId: 'root_id',
  parentId: 'parent_id',
  groupId: 'group_id',
  groupIndex: 'group_index',
  retries: 'retries',
  argsrepr: 'argsrepr',
  kwargsrepr: 'kwargsrepr',
  chain: 'chain',
  chord: 'chord',
  origin: 'origin',
  replacedTaskNesting: 'replaced_task_nesting',
  stampedHeaders: 'stamped_headers',
  creatorId: 'creator_id',
  relatedContentTypeId: 'related_content_type_id',
  relatedObjectId: 'related_object_id',
  isResult: 'is_result',
  fairnessKey: FAIRNESS_HEADER,
}

const HEADER_OPTIONS = [
  'creatorId',
  'relatedContentTypeId',
  'relatedObjectId',
  'isResult',
  'fairnessKey',
] as const

/** Options of a call for the record and the queue, as headers: AMQP has no room for properties of one's own, and Celery loses them there. */
export function recordHeaders(options: CallOptions): Readonly<Record<string, unknown>> {
  const said = HEADER_OPTIONS.filter((name) => options[name] !== undefined)
  return Object.fromEntries(said.map((name) => [WIRE_NAMES[name], options[name]]))
}

const OPTION_NAMES: ReadonlyMap<string, keyof CallOptions> = new Map(
  (Object.keys(WIRE_NAMES) as (keyof CallOptions)[]).map((name) => [WIRE_NAMES[name], name]),
)

/** The names a call's options may have, for error messages. */
export const CALL_OPTION_NAMES = Object.keys(WIRE_NAMES) as readonly (keyof CallOptions)[]

/** Options as they stand in a signature dict: wire names, signatures as dicts, nothing that is absent. */
export function toWireOptions(options: CallOptions): Record<string, unknown> {
  const wire: Record<string, unknown> = {}
  for (const name of CALL_OPTION_NAMES) {
    const value = options[name]
    if (value !== undefined && value !== null) wire[WIRE_NAMES[name]] = wireValue(value)
  }
  return wire
}

/** What Celery writes into the options of a chord's body for the process that starts it, and never into a message. */
const LOCAL: ReadonlySet<string> = new Set(['add_to_parent'])

/** Options read from a signature dict; `extra` holds what Celery does not know (stamps, is_result, ...). */
export function fromWireOptions(wire: Readonly<Record<string, unknown>>): {
  readonly options: CallOptions
  readonly extra: Readonly<Record<string, unknown>>
} {
  const options: Record<string, unknown> = {}
  const extra: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(wire)) {
    if (value === null || value === undefined) continue
    const name = OPTION_NAMES.get(key)
    if (name !== undefined) options[name] = value
    else if (!LOCAL.has(key)) extra[key] = value
  }
  // The wire names decide which options these are; their values are checked where they are used.
  return { options: options as CallOptions, extra }
}

export function dictOf(signature: SignatureLike): SignatureDict {
  return 'toDict' in signature ? signature.toDict() : signature
}

/** One signature, several or none, as the list that travels; null where there is none. */
export function dictsOf(
  signatures: SignatureLike | readonly SignatureLike[] | undefined,
): readonly SignatureDict[] | null {
  if (signatures === undefined) return null
  const list = Array.isArray(signatures) ? signatures : [signatures]
  return list.length === 0 ? null : list.map(dictOf)
}

function wireValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wireValue)
  return typeof value === 'object' && value !== null && 'toDict' in value
    ? dictOf(value as SignatureLike)
    : value
}
