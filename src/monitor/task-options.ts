import type { MessageProperties } from '../protocol/message.ts'
import type { TaskRequest } from '../protocol/task-request.ts'
import { amqpProperties } from './message-entry.ts'

export interface OptionsContext {
  /** As they came with the message. */
  readonly properties: MessageProperties
  readonly compression: unknown
  readonly isUnrouted: boolean
}

/** How a task was called: its message's properties, and those options that were set. */
export function taskOptions(
  request: TaskRequest,
  context: OptionsContext,
): Record<string, unknown> {
  const options = amqpProperties(context.properties)
  for (const [name, value] of saidOptions(request)) options[name] = value
  addFollowUps(request, options)
  if (context.compression != null) options.compression = context.compression
  if (request.fault !== undefined) options.fault = request.fault.message
  if (context.isUnrouted) options.unrouted = true
  return options
}

function* saidOptions(request: TaskRequest): Generator<readonly [string, unknown]> {
  if (request.eta !== null) yield ['eta', request.eta]
  if (request.expires !== null) yield ['expires', request.expires]
  if (request.retries > 0) yield ['retries', request.retries]
  if (request.timeLimit !== null || request.softTimeLimit !== null) {
    yield ['timelimit', [request.timeLimit, request.softTimeLimit]]
  }
  if (request.ignoreResult !== null) yield ['ignore_result', request.ignoreResult]
  if (request.argsrepr !== null) yield ['argsrepr', request.argsrepr]
  if (request.kwargsrepr !== null) yield ['kwargsrepr', request.kwargsrepr]
  if (request.shadow !== null) yield ['shadow', request.shadow]
  if (request.groupIndex !== null) yield ['group_index', request.groupIndex]
  if (request.replacedTaskNesting > 0) {
    yield ['replaced_task_nesting', request.replacedTaskNesting]
  }
  if (request.stampedHeaders !== null) yield ['stamped_headers', request.stampedHeaders]
  if (Object.keys(request.stamps).length > 0) yield ['stamps', request.stamps]
}

/** What follows the task: how many callbacks, errbacks and remaining steps, and whether it reports to a chord. */
function addFollowUps(request: TaskRequest, options: Record<string, unknown>): void {
  if (request.callbacks !== null) options.callbacks = request.callbacks.length
  if (request.errbacks !== null) options.errbacks = request.errbacks.length
  if (request.chain !== null) options.chain = request.chain.length
  if (request.chord !== null) options.chord = true
}
