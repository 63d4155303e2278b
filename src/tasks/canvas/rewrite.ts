import { isRecord } from '../../protocol/field-readers.ts'
import {
  chordDict,
  isChain,
  isChord,
  isGroup,
  unchunked,
} from '../../protocol/signature-tree/kinds.ts'
import {
  added,
  linksOf,
  optionsOf,
  type SignatureOptions,
  withOptions,
} from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  endsWithGroup,
  flatMembers,
  GATHER,
  mapParts,
  mapTasks,
  tasksOf,
  unrolled,
  withBody,
  withoutEmptyGroups,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import { signatureDict } from '../../protocol/signatures.ts'
import { type CallOptions, toWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { bodyWithId, withEndOptions } from './freeze.ts'

/**
 * The same signature that calls `callbacks` with its result, too; of a chord they are its body's. Of a group they are its first
 * member's, as in Celery, and get no result: a chord's body is called when all members are done.
 */
export function linked(
  signature: SignatureDict,
  callbacks: readonly SignatureDict[],
): SignatureDict {
  const dict = unchunked(signature)
  if (isGroup(dict)) {
    const [first, ...others] = tasksOf(dict)
    const alone = callbacks.map((callback) => ({ ...callback, immutable: true }))
    return first === undefined ? dict : withTasks(dict, [linked(first, alone), ...others])
  }
  if (!isChord(dict)) return withLinks(dict, 'link', callbacks)
  return withBody(dict, linked(bodyOf(dict), callbacks))
}

/**
 * The same signature that calls `errbacks` where it fails, too. Of a group each member does; of a chord the body does, and so do chords in its header;
 * `task_allow_error_cb_on_chord_header` adds the header's tasks.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#error-handling
 */
export function linkedError(
  signature: SignatureDict,
  errbacks: readonly SignatureDict[],
  links: ErrorLinks,
): SignatureDict {
  const dict = unchunked(signature)
  if (!(isGroup(dict) || isChord(dict))) return withLinks(dict, 'link_error', errbacks)
  return mapParts(dict, (part, place) =>
    linkedError(part, place === 'header' ? ofHeader(part, errbacks, links) : errbacks, links),
  )
}

/** Whether errbacks of a chord are those of its header's tasks, too: `task_allow_error_cb_on_chord_header`. */
export interface HeaderLinks {
  readonly isOnHeader: boolean
}

interface ErrorLinks extends HeaderLinks {
  /** Errbacks of a chain reach its chords when their ids are fixed; then Celery finds no more chords in a header. */
  readonly isStarted?: boolean
}

/** The errbacks of a chord that one of its header's tasks has, too. */
function ofHeader(
  part: SignatureDict,
  errbacks: readonly SignatureDict[],
  { isOnHeader, isStarted = false }: ErrorLinks,
): readonly SignatureDict[] {
  const alone = (errback: SignatureDict) => withOptions(errback, { immutable: true })
  if (!isChord(part) || isStarted) return isOnHeader ? errbacks.map(alone) : []
  return isOnHeader ? errbacks.flatMap((errback) => [alone(errback), errback]) : errbacks
}

/** The steps of a chain within a chain: its errbacks are those of each, its callbacks those of the last, as in Celery. */
export function linkedSteps(
  chain: SignatureDict,
  { isOnHeader }: HeaderLinks,
): readonly SignatureDict[] {
  const errbacks = linksOf(chain, 'link_error')
  const caught = tasksOf(chain).map((step) => linkedError(step, errbacks, { isOnHeader }))
  const last = caught.at(-1)
  return last === undefined
    ? caught
    : [...caught.slice(0, -1), linked(last, linksOf(chain, 'link'))]
}

/**
 * The body of a chord that calls the errbacks of the chord's options: a group in its own option where it has one, as that is
 * what its members call, else each of its members; any other body in its own option, where a failed header finds it.
 */
export function bodyLinkedError(
  body: SignatureDict,
  errbacks: readonly SignatureDict[],
): SignatureDict {
  return isGroup(body)
    ? inGroup(body, errbacks, { isFlattened: false })
    : withLinks(body, 'link_error', errbacks)
}

/** A group in a group is flattened when it runs, so that its options say nothing. */
function inGroup(
  dict: SignatureDict,
  errbacks: readonly SignatureDict[],
  { isFlattened }: { readonly isFlattened: boolean },
): SignatureDict {
  if (isChord(dict)) return withBody(dict, inGroup(bodyOf(dict), errbacks, { isFlattened: false }))
  const { link_error: own } = dict.options
  const isCalledByMembers = isGroup(dict) && (isFlattened || own === undefined || own === null)
  if (!isCalledByMembers) return withLinks(dict, 'link_error', errbacks)
  return mapParts(dict, (member) => inGroup(member, errbacks, { isFlattened: true }))
}

/** With no more of them it stays as it is. */
function withLinks(
  dict: SignatureDict,
  name: 'link' | 'link_error',
  more: readonly SignatureDict[],
): SignatureDict {
  if (more.length === 0) return dict
  return withOptions(dict, { [name]: added(linksOf(dict, name), more) })
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

/**
 * The same signature with one task at its end, so that it can be one member of a chord, or stand in one task's place:
 * a group that it ends with is gathered by `celery.accumulate`, as Celery's `replace` does it.
 */
export function endingAsOne(dict: SignatureDict): SignatureDict {
  if (isGroup(dict)) return chordDict(dict, gather())
  if (isChord(dict)) return withBody(dict, endingAsOne(bodyOf(dict)))
  const steps = isChain(dict) ? tasksOf(dict) : []
  const last = steps.at(-1)
  if (last === undefined) return dict
  return withTasks(dict, [...steps.slice(0, -1), endingAsOne(unrolled(last))])
}

/**
 * The same signature as one member of a chord's header. Callbacks and errbacks of a chain or a chord that ends with a group are
 * those of the group's members, as in Celery, and not of the task that gathers them here.
 */
export function asHeaderMember(dict: SignatureDict, links: HeaderLinks): SignatureDict {
  if (isGroup(dict) || !endsWithGroup(dict)) return endingAsOne(dict)
  const { link: _callbacks, link_error: _errbacks, ...options } = dict.options
  const [callbacks, errbacks] = [linksOf(dict, 'link'), linksOf(dict, 'link_error')]
  if (isChord(dict)) {
    const body = bodyLinkedError(linked(bodyOf(dict), callbacks), errbacks)
    return { ...withBody(dict, asHeaderMember(body, links)), options }
  }
  const steps = tasksOf(dict).map((step) => linkedError(unrolled(step), errbacks, links))
  const ends = steps.slice(-1).map((last) => {
    const called = isGroup(last) ? callingBack(last, callbacks) : linked(last, callbacks)
    return asHeaderMember(called, links)
  })
  return withTasks({ ...dict, options }, [...steps.slice(0, -1), ...ends])
}

/** In place of the members' own callbacks, as in Celery; on each member, as Python's chords drop the options of their header. */
function callingBack(group: SignatureDict, link: readonly SignatureDict[]): SignatureDict {
  return link.length === 0 ? group : mapParts(group, (member) => withOptions(member, { link }))
}

/** A member of a chord's header, the groups that it ends with counted by their members: each of these is in the chord's group. */
export function countedByLeaf(dict: SignatureDict, groupId: string): SignatureDict {
  if (!endsWithGroup(dict)) return endingAsOne(dict)
  if (isChord(dict)) return withBody(dict, countedByLeaf(bodyOf(dict), groupId))
  if (isGroup(dict)) {
    const leaves = flatMembers(dict).map((leaf) =>
      endsWithGroup(leaf)
        ? countedByLeaf(leaf, groupId)
        : withEndOptions(leaf, { group_id: groupId }),
    )
    return withTasks(dict, leaves)
  }
  const steps = tasksOf(dict).map(unrolled)
  const ends = steps.slice(-1).map((last) => countedByLeaf(last, groupId))
  return withTasks(dict, [...steps.slice(0, -1), ...ends])
}

function gather(): SignatureDict {
  return signatureDict({ task: GATHER, kwargs: { index: 0 } })
}

/** A chord whose body is a chain: of a chord within it, each member carries the first step behind it, and not all of them. */
export function withSplitBody(chord: SignatureDict, links: HeaderLinks): SignatureDict {
  const body = bodyOf(chord)
  if (!isChain(body)) return chord
  const steps = tasksOf(body).flatMap((step) => splitBody(step, links))
  return withBody(chord, withTasks(body, steps))
}

/**
 * Every member of a header carries the body: of a body that is a chain it carries the first step, and the others follow in
 * the outer chain, as in Celery. One that begins with a group stays whole: it is a chord itself.
 */
export function splitBody(chord: SignatureDict, links: HeaderLinks): readonly SignatureDict[] {
  if (!isChord(chord)) return [chord]
  const body = bodyWithId(chord)
  const [first] = isChain(body) ? tasksOf(body) : []
  const { link, linkError, chain, end } = optionsOf(chord)
  const isAlone = link.length + linkError.length === 0 && chain === undefined && !end.chord
  if (first === undefined || isGroup(first) || !isAlone) return [chord]
  const [start, ...others] = spliced(body, links)
  if (start === undefined) return [chord]
  return [withBody(chord, start), ...others.flatMap((step) => splitBody(step, links))]
}

/** Nested chains are spliced in, groups of one are that one. */
export function stepsOf(chain: SignatureDict, links: HeaderLinks): readonly SignatureDict[] {
  const steps = tasksOf(chain).flatMap((step) =>
    isChain(step) ? spliced(step, links) : [unrolled(step)],
  )
  return withoutEmptyGroups(steps)
}

/** The options of a nested chain are those of its steps. */
function spliced(chain: SignatureDict, links: HeaderLinks): readonly SignatureDict[] {
  const options = optionsOf(chain)
  const { call, inherited, extra } = options
  const { link: _its, link_error: _own, ...others } = chain.options
  const steps = linkedSteps(chain, links)
  const own = withTasks({ ...chain, options: others }, steps)
  const [first, ...rest] = stepsOf(inheriting(own, inherited), links)
  if (first === undefined) return []
  const called = {
    ...first,
    args: first.immutable ? first.args : [...chain.args, ...first.args],
    options: { ...toWireOptions(call), ...extra, ...first.options },
  }
  return stepsWith([called, ...rest], { ...options, link: [], linkError: [] }, links)
}

/** The steps of a chain with all that its options say: errbacks of each, callbacks and membership of the last, and those behind it. */
export function stepsWith(
  steps: readonly SignatureDict[],
  { link, linkError, end, chain = [] }: SignatureOptions,
  { isOnHeader }: HeaderLinks,
): readonly SignatureDict[] {
  const links = { isOnHeader, isStarted: true }
  const caught = steps.map((step) => linkedError(step, linkError, links))
  const last = caught.at(-1)
  if (last === undefined) return steps
  // Not beside a chord but on its body: Celery 5.2 gives what stands beside it to the header's tasks.
  const ended = called(withEndOptions(last, toWireOptions(end)), link)
  return [...caught.slice(0, -1), ended, ...chain.toReversed()]
}

/** Of a group each member is called back, which is what such an option of a group means. */
function called(step: SignatureDict, callbacks: readonly SignatureDict[]): SignatureDict {
  return isChord(step) ? linked(step, callbacks) : withLinks(step, 'link', callbacks)
}
