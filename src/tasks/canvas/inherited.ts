import { isRecord } from '../../protocol/field-readers.ts'
import { type SignatureOptions, withOptions } from '../../protocol/signature-tree/options.ts'
import { mapTasks } from '../../protocol/signature-tree/walk.ts'
import type { CallOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'

/** How a workflow starts: all of its options, and the arguments of its first tasks. */
export interface Opening extends SignatureOptions {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly isMember: boolean
}

interface Inherited {
  readonly headers?: CallOptions['headers'] | undefined
  readonly priority?: CallOptions['priority'] | undefined
}

/** Gives each task of a workflow the headers and the priority that the whole is started with; its own ones stay. */
export function inheriting(
  dict: SignatureDict,
  { headers, priority }: Inherited = {},
): SignatureDict {
  if (headers === undefined && (priority === undefined || priority === null)) return dict
  return mapTasks(dict, (task) => inTask(task, { headers, priority }))
}

function inTask(dict: SignatureDict, { headers, priority }: Inherited): SignatureDict {
  const own = dict.options
  const ownHeaders = isRecord(own.headers) ? own.headers : {}
  return withOptions(dict, {
    ...(headers === undefined ? {} : { headers: { ...headers, ...ownHeaders } }),
    ...(priority === undefined || priority === null ? {} : { priority: own.priority ?? priority }),
  })
}
