import type { TaskRequest } from '../../protocol/tasks/task-request.ts'
import type { RetryOptions } from '../../tasks/signals.ts'

type Arguments = Pick<TaskRequest, 'args' | 'kwargs'>

/**
 * The arguments of the next attempt. Where only one kind is given, those of the other kind stay, as far as they do not
 * name the same parameters: Celery's rule since 5.7. Which parameter is which `params` says.
 */
export function retryArguments(
  before: Arguments,
  { args, kwargs }: RetryOptions,
  params: readonly string[] = [],
): Arguments {
  if (args !== undefined && kwargs === undefined) {
    const named = new Set(params.slice(0, args.length))
    const kept = Object.entries(before.kwargs).filter(([name]) => !named.has(name))
    return { args, kwargs: Object.fromEntries(kept) }
  }
  if (args === undefined && kwargs !== undefined) return renamed(before.args, kwargs, params)
  return { args: args ?? before.args, kwargs: kwargs ?? before.kwargs }
}

/** A keyword argument may take the place of a positional one. */
function renamed(
  before: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  params: readonly string[],
): Arguments {
  const isPlaced = (name: string): boolean => {
    const at = params.indexOf(name)
    return at !== -1 && at < before.length
  }
  const args = before.map((value, at) => {
    const name = params[at]
    return name !== undefined && Object.hasOwn(kwargs, name) ? kwargs[name] : value
  })
  const others = Object.entries(kwargs).filter(([name]) => !isPlaced(name))
  return { args, kwargs: Object.fromEntries(others) }
}
