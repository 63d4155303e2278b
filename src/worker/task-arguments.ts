import { isRecord } from '../protocol/field-readers.ts'
import type { TaskRequest } from '../protocol/tasks/task-request.ts'
import type { SchemaIssue, StandardSchema, TaskOptions } from '../tasks/task-options.ts'

/** The arguments do not fit the task: what Python says with a TypeError. */
class ArgumentsError extends TypeError {
  constructor(task: string, problem: string) {
    super(`${task}() ${problem}`)
    this.name = 'TypeError'
  }
}

/**
 * The arguments a function is called with. Keyword arguments find their place by the names in `params`; those left
 * over are merged into the last argument, an object; with `schema` alone they all are. A bound task that declares
 * neither reads them from `self.request.kwargs`.
 */
export function argumentsFor(
  request: TaskRequest,
  options: TaskOptions,
  parameterCount: number,
): readonly unknown[] {
  const { params, schema, bind = false } = options
  if (params === undefined && schema === undefined) {
    refuseUnread(request, bind)
    return request.args
  }
  return params === undefined
    ? merged(request, [...request.args], request.kwargs, parameterCount)
    : byName(request, params)
}

function refuseUnread(request: TaskRequest, isBound: boolean): void {
  const names = Object.keys(request.kwargs)
  if (names.length === 0 || isBound) return
  throw new ArgumentsError(
    request.task,
    `got keyword arguments (${names.join(', ')}) but declares neither params nor schema to receive them`,
  )
}

function byName(request: TaskRequest, params: readonly string[]): unknown[] {
  const args = [...request.args]
  if (args.length > params.length) {
    throw new ArgumentsError(
      request.task,
      `takes ${params.length} arguments (${params.join(', ')}) but ${args.length} were given`,
    )
  }
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(request.kwargs)) {
    const at = params.indexOf(name)
    if (at === -1) rest[name] = value
    else if (at < request.args.length) {
      throw new ArgumentsError(request.task, `got multiple values for argument '${name}'`)
    } else args[at] = value
  }
  return merged(request, args, rest, params.length)
}

/** Puts keyword arguments into the last argument: the object that is there, or a new one. */
function merged(
  request: TaskRequest,
  args: unknown[],
  rest: Readonly<Record<string, unknown>>,
  parameterCount: number,
): unknown[] {
  const names = Object.keys(rest)
  if (names.length === 0) return args
  const last = args.at(-1)
  if (args.length >= parameterCount && isRecord(last)) {
    return [...args.slice(0, -1), { ...last, ...rest }]
  }
  if (args.length < parameterCount) {
    const filled = [...args]
    filled[parameterCount - 1] = rest
    return filled
  }
  throw new ArgumentsError(request.task, `got an unexpected keyword argument '${names[0]}'`)
}

/** The arguments with the last one as the task's schema gives it back. */
export async function checkedBySchema(
  request: TaskRequest,
  schema: StandardSchema,
  args: readonly unknown[],
): Promise<readonly unknown[]> {
  const result = await schema['~standard'].validate(args.at(-1))
  if (result.issues === undefined) return [...args.slice(0, -1), result.value]
  throw new ArgumentsError(
    request.task,
    `got wrong arguments: ${result.issues.map(sayIssue).join('; ')}`,
  )
}

function sayIssue({ path = [], message }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
}
