import type { CallOptions } from '../../protocol/call-options.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { isChain, isChord, isGroup, tasksOf, withOptions } from './dicts.ts'
import { withTasks } from './freeze.ts'

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
  const given = { headers, priority }
  if (isChain(dict) || isGroup(dict)) {
    return withTasks(
      dict,
      tasksOf(dict).map((task) => inheriting(task, given)),
    )
  }
  return isChord(dict) ? inChord(dict, given) : inTask(dict, given)
}

function inTask(dict: SignatureDict, { headers, priority }: Inherited): SignatureDict {
  const own = dict.options
  const ownHeaders = isRecord(own.headers) ? own.headers : {}
  return withOptions(dict, {
    ...(headers === undefined ? {} : { headers: { ...headers, ...ownHeaders } }),
    ...(priority === undefined || priority === null ? {} : { priority: own.priority ?? priority }),
  })
}

function inChord(chord: SignatureDict, given: Inherited): SignatureDict {
  const { header, body } = chord.kwargs
  const inherited = Array.isArray(header)
    ? header.map((member) => inheriting(readSignature(member), given))
    : inheriting(readSignature(header), given)
  return {
    ...chord,
    kwargs: { ...chord.kwargs, header: inherited, body: inheriting(readSignature(body), given) },
  }
}
