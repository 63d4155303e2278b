import { isChain, isGroup, isTask } from '../../protocol/signature-tree/kinds.ts'
import { mappedTask } from '../../protocol/signature-tree/maps.ts'
import { partsOf, tasksOf } from '../../protocol/signature-tree/parts.ts'
import { signatureDict } from '../../protocol/signatures.ts'
import {
  type CallOptions,
  dictOf,
  dictsOf,
  type SignatureLike,
  toWireOptions,
} from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'

/** Steps one after another, each with the result of the one before it. */
export function chainDict(
  steps: readonly SignatureLike[],
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.chain',
    kwargs: { tasks: dictsOf(steps) ?? [] },
    options: toWireOptions(options),
    subtask_type: 'chain',
  })
}

/** Members side by side. */
export function groupDict(
  members: readonly SignatureLike[],
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.group',
    kwargs: { tasks: dictsOf(members) ?? [] },
    options: toWireOptions(options),
    subtask_type: 'group',
  })
}

/** A body that gets the results of all members of a header. */
export function chordDict(
  header: SignatureLike,
  body: SignatureLike,
  options: CallOptions = {},
): SignatureDict {
  return signatureDict({
    task: 'celery.chord',
    kwargs: { header: dictOf(header), body: dictOf(body), kwargs: {} },
    options: toWireOptions(options),
    subtask_type: 'chord',
  })
}

/** In a chain a group of one is that one, as in Celery. */
export function unrolled(step: SignatureDict): SignatureDict {
  const [only, another] = isGroup(step) ? tasksOf(step) : []
  return only === undefined || another !== undefined ? step : only
}

/** Steps without the empty groups among them, as in Celery; a chain of nothing else keeps one, whose value is []. */
export function withoutEmptyGroups(steps: readonly SignatureDict[]): readonly SignatureDict[] {
  const others = steps.filter((step) => !isEmpty(step))
  return others.length > 0 ? others : steps.slice(-1)
}

/** An empty group, or a chain of nothing else. */
function isEmpty(step: SignatureDict): boolean {
  if (isChain(step)) return tasksOf(step).every(isEmpty)
  return isGroup(step) && tasksOf(step).length === 0
}

/** The names of all tasks whose workers run what a signature starts: a map is run where its task is. */
export function taskNames(dict: SignatureDict): string[] {
  if (isTask(dict)) return [mappedTask(dict) ?? dict.task]
  return partsOf(dict).flatMap(([, part]) => taskNames(part))
}
