import { TaskError } from '../../errors.ts'
import {
  type CallOptions,
  dictOf,
  dictsOf,
  type SignatureLike,
  toWireOptions,
} from '../../protocol/call-options.ts'
import { readSignature, signatureDict } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { mappedTask, unchunked } from './maps.ts'

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

export function isChain(dict: SignatureDict): boolean {
  return dict.subtask_type === 'chain' || dict.task === 'celery.chain'
}

export function isGroup(dict: SignatureDict): boolean {
  return dict.subtask_type === 'group' || dict.task === 'celery.group'
}

export function isChord(dict: SignatureDict): boolean {
  return dict.subtask_type === 'chord' || dict.task === 'celery.chord'
}

/** The signatures a chain or a group is made of; chunks among them are the groups they start. */
export function tasksOf(whole: SignatureDict): SignatureDict[] {
  const { tasks } = whole.kwargs
  if (!Array.isArray(tasks)) {
    throw new TaskError(
      'TASK_INVALID',
      `the tasks of ${whole.task} are ${String(tasks)}, expected a list`,
    )
  }
  return tasks.map((task) => unchunked(readSignature(task)))
}

/** A group's members, those of groups within it among them. */
export function flatMembers(group: SignatureDict): SignatureDict[] {
  return tasksOf(group).flatMap((member) => (isGroup(member) ? flatMembers(member) : [member]))
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
  if (isChain(dict) || isGroup(dict)) return tasksOf(dict).flatMap(taskNames)
  if (!isChord(dict)) return [mappedTask(dict) ?? dict.task]
  return [...taskNames(headerGroup(dict)), ...taskNames(readSignature(dict.kwargs.body))]
}

/** A chord's header as a group, in whichever form it stands there. */
export function headerGroup({ kwargs: { header } }: SignatureDict): SignatureDict {
  if (Array.isArray(header)) return groupDict(header)
  const group = unchunked(readSignature(header))
  if (isGroup(group)) return group
  throw new TaskError(
    'TASK_INVALID',
    `a chord's header is ${group.task}, expected a group or a list`,
  )
}

export function taskIdOf(dict: SignatureDict): string {
  return String(dict.options.task_id)
}

export function withOptions(
  dict: SignatureDict,
  options: Readonly<Record<string, unknown>>,
): SignatureDict {
  return { ...dict, options: { ...dict.options, ...options } }
}

/** Callbacks may stand in options as one signature, as several or as null. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

/** Options without those that are undefined, so that they can be laid over others. */
export function defined<Options extends object>(
  options: {
    readonly [Name in keyof Options]: Options[Name] | undefined
  },
): Options {
  // What is left are exactly the options that have a value.
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Options
}
