import { amqpProperties } from '../../protocol/amqp-properties.ts'
import type { MessageProperties } from '../../protocol/message.ts'
import type { TaskRequest } from '../../protocol/tasks/task-request.ts'

interface OptionsContext {
  /** As they came with the message. */
  readonly properties: MessageProperties
  readonly compression: unknown
  /** How often it was changed in the vault. */
  readonly changes?: number
  readonly isUnrouted: boolean
}

/** How a task was called: its message's properties, and those options that were set. */
export function taskOptions(
  request: TaskRequest,
  context: OptionsContext,
): Record<string, unknown> {
  const options = amqpProperties(context.properties)
  for (const { name, field } of SAID) {
    const value = request[field]
    if (value !== null && value !== 0) options[name] = value
  }
  const { timeLimit, softTimeLimit } = request
  if (timeLimit !== null || softTimeLimit !== null) options.timelimit = [timeLimit, softTimeLimit]
  if (Object.keys(request.stamps).length > 0) options.stamps = request.stamps
  addFollowUps(request, options)
  addRemarks(request, options, context)
  return options
}

const SAID = [
  { name: 'eta', field: 'eta' },
  { name: 'expires', field: 'expires' },
  { name: 'retries', field: 'retries' },
  { name: 'ignore_result', field: 'ignoreResult' },
  { name: 'argsrepr', field: 'argsrepr' },
  { name: 'kwargsrepr', field: 'kwargsrepr' },
  { name: 'shadow', field: 'shadow' },
  { name: 'replaced_task_nesting', field: 'replacedTaskNesting' },
  { name: 'stamped_headers', field: 'stampedHeaders' },
] as const

/** What follows the task: how many callbacks, errbacks and remaining steps, and whether it reports to a chord. */
function addFollowUps(request: TaskRequest, options: Record<string, unknown>): void {
  if (request.callbacks !== null) options.callbacks = request.callbacks.length
  if (request.errbacks !== null) options.errbacks = request.errbacks.length
  if (request.chain !== null) options.chain = request.chain.length
  if (request.chord !== null) options.chord = true
  if (request.groupIndex !== null) options.group_index = request.groupIndex
}

function addRemarks(
  { fault }: TaskRequest,
  options: Record<string, unknown>,
  { compression, changes = 0, isUnrouted }: OptionsContext,
): void {
  if (changes > 0) options.changes = changes
  if (compression !== null && compression !== undefined) options.compression = compression
  // It could be read, but must fail: why.
  if (fault !== undefined) options.fault = fault.message
  // No work queue has it, so no worker will ever run it.
  if (isUnrouted) options.unrouted = true
}
