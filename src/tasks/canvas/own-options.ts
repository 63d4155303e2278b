import { type CallOptions, fromWireOptions, toWireOptions } from '../../protocol/call-options.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'

/** How a call is made; the others say what a signature is part of, or what comes after it. */
const OF_THE_CALL: readonly (keyof CallOptions)[] = [
  'countdown',
  'eta',
  'expires',
  'queue',
  'exchange',
  'routingKey',
  'priority',
  'headers',
  'timeLimit',
  'softTimeLimit',
  'ignoreResult',
  'serializer',
  'compression',
  'shadow',
  'retry',
  'retryPolicy',
  'deliveryMode',
  'creatorId',
  'relatedContentTypeId',
  'relatedObjectId',
  'isResult',
]

/** The options that were set on a workflow itself, which are those of its call, as in Celery. */
export function ownOptions(workflow: SignatureDict): CallOptions {
  return ofTheCall(fromWireOptions(workflow.options).options)
}

/** Those of the options that say how a call is made, as they travel. */
export function callOptions(options: CallOptions): Record<string, unknown> {
  return toWireOptions(ofTheCall(options))
}

function ofTheCall(options: CallOptions): CallOptions {
  const given = OF_THE_CALL.filter((name) => options[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, options[name]]))
}
