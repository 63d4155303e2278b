import { ProtocolError, TaskError } from '../../errors.ts'
import { showValue } from '../show-value.ts'
import { readSignature, signatureDict } from '../signatures.ts'
import type { SignatureDict } from '../tasks/task-request.ts'
import { isChain, isChord, isGroup, isTask, kindOf, mappedTask, unchunked } from './kinds.ts'
import { listOf } from './options.ts'

/** Where a signature stands in the one it is part of. */
type Place = 'step' | 'member' | 'header' | 'body'

/** The signatures a workflow is made of: the steps of a chain, the members of a group, the header and the body of a chord. */
export function partsOf(dict: SignatureDict): readonly (readonly [Place, SignatureDict])[] {
  switch (kindOf(dict)) {
    case 'chain':
      return tasksOf(dict).map((step) => ['step', step])
    case 'group':
    case 'chunks':
      return tasksOf(unchunked(dict)).map((member) => ['member', member])
    case 'chord':
      return [...headerMembers(dict).map((member) => ['header', member] as const), bodyPart(dict)]
    default:
      return []
  }
}

/** The same signature with each of its parts changed. */
export function mapParts(
  signature: SignatureDict,
  change: (part: SignatureDict, place: Place) => SignatureDict,
): SignatureDict {
  const dict = unchunked(signature)
  switch (kindOf(dict)) {
    case 'chain':
      return withTasks(
        dict,
        tasksOf(dict).map((step) => change(step, 'step')),
      )
    case 'group':
      return withTasks(
        dict,
        tasksOf(dict).map((member) => change(member, 'member')),
      )
    case 'chord': {
      const header = headerMembers(dict).map((member) => change(member, 'header'))
      return withBody(withHeader(dict, header), change(bodyOf(dict), 'body'))
    }
    default:
      return dict
  }
}

/** The signatures a chain or a group is made of; chunks among them are the groups they start. */
export function tasksOf(whole: SignatureDict): SignatureDict[] {
  const { tasks } = whole.kwargs
  if (!Array.isArray(tasks)) {
    throw new TaskError(
      'TASK_INVALID',
      `the tasks of ${whole.task} are ${showValue(tasks)}, expected a list`,
    )
  }
  return tasks.map((task) => unchunked(readSignature(task)))
}

/** A group's members, those of groups within it among them. */
export function flatMembers(group: SignatureDict): SignatureDict[] {
  return tasksOf(group).flatMap((member) => (isGroup(member) ? flatMembers(member) : [member]))
}

/** A chord's header as a group, in whichever form it stands there. */
export function headerGroup({ kwargs: { header } }: SignatureDict): SignatureDict {
  if (Array.isArray(header)) {
    return signatureDict({ task: 'celery.group', kwargs: { tasks: header }, subtask_type: 'group' })
  }
  const group = unchunked(readSignature(header))
  if (isGroup(group)) return group
  throw new TaskError(
    'TASK_INVALID',
    `a chord's header is ${group.task}, expected a group or a list`,
  )
}

export function bodyOf({ kwargs: { body } }: SignatureDict): SignatureDict {
  return readSignature(body, 'the body of a chord')
}

/** The task that a signature ends with, whose result is that of the whole: itself, the last step of a chain, the body of a chord. */
export function endOf(dict: SignatureDict): SignatureDict {
  if (isChord(dict)) return endOf(bodyOf(dict))
  const last = isChain(dict) ? tasksOf(dict).at(-1) : undefined
  return last === undefined ? dict : endOf(last)
}

/** What gathers the results of a group that is one member of a chord, or stands in one task's place, as Celery's `replace` does. */
export const GATHER = 'celery.accumulate'

/** A group that is gathered: a chord for the wire, the group itself for those who wrote it. */
export function isGathered(dict: SignatureDict): boolean {
  return isChord(dict) && bodyOf(dict).task === GATHER
}

/** The same chain or group with other tasks in it. */
export function withTasks(dict: SignatureDict, tasks: readonly SignatureDict[]): SignatureDict {
  return { ...dict, kwargs: { ...dict.kwargs, tasks } }
}

export function withBody(chord: SignatureDict, body: SignatureDict): SignatureDict {
  return { ...chord, kwargs: { ...chord.kwargs, body } }
}

/** A header that is a list stays one. */
function withHeader(chord: SignatureDict, members: readonly SignatureDict[]): SignatureDict {
  const header = Array.isArray(chord.kwargs.header)
    ? members
    : withTasks(headerGroup(chord), members)
  return { ...chord, kwargs: { ...chord.kwargs, header } }
}

function headerMembers(chord: SignatureDict): readonly SignatureDict[] {
  return tasksOf(headerGroup(chord))
}

function bodyPart(chord: SignatureDict): readonly [Place, SignatureDict] {
  return ['body', bodyOf(chord)]
}

/** In a chain a group of one is that one, as in Celery. */
export function unrolled(step: SignatureDict): SignatureDict {
  const [only, another] = isGroup(step) ? tasksOf(step) : []
  return only === undefined || another !== undefined ? step : only
}

/** Whether what it ends with is a group: itself, the last step of a chain, the body of a chord. */
export function endsWithGroup(dict: SignatureDict): boolean {
  if (isChord(dict)) return endsWithGroup(bodyOf(dict))
  const last = isChain(dict) ? tasksOf(dict).at(-1) : undefined
  return last === undefined ? isGroup(dict) : endsWithGroup(unrolled(last))
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

/** Workflows come from outside: nothing is done for one that nests deeper, or holds more signatures, than these. */
export const MOST_DEPTH = 250
const MOST_SIGNATURES = 1_000_000

/** Throws where a workflow, with what stands in its options, is deeper or larger than anything that can be started. */
export function checkBounds(whole: SignatureDict): void {
  let left = MOST_SIGNATURES
  const check = (dict: SignatureDict, depth: number): void => {
    left -= 1
    if (depth > MOST_DEPTH) throw tooLarge(dict, `nests deeper than ${MOST_DEPTH} signatures`)
    if (left < 0) throw tooLarge(dict, `holds more than ${MOST_SIGNATURES} signatures`)
    for (const [, part] of partsOf(dict)) check(part, depth + 1)
    for (const name of ['link', 'link_error', 'chain', 'chord'] as const) {
      for (const other of listOf(dict.options[name])) {
        check(readSignature(other, `options.${name}`), depth + 1)
      }
    }
  }
  check(whole, 0)
}

/** The same workflow with each task in it changed; what stands in options stays as it is. */
export function mapTasks(
  dict: SignatureDict,
  change: (task: SignatureDict) => SignatureDict,
): SignatureDict {
  return isTask(dict) ? change(dict) : mapParts(dict, (part) => mapTasks(part, change))
}

function tooLarge({ task }: SignatureDict, how: string): ProtocolError {
  return new ProtocolError('MESSAGE_INVALID', `a workflow ${how}, at the signature of ${task}`)
}
