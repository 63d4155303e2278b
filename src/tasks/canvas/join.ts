import {
  chainDict,
  chordDict,
  isChain,
  isChord,
  isGroup,
  isTask,
} from '../../protocol/signature-tree/kinds.ts'
import { bodyOf, tasksOf, withBody, withTasks } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { linkedSteps } from './rewrite.ts'

/** Whether errbacks of a chord are its header's too. */
interface Links {
  readonly isOnHeader: boolean
}

/**
 * Steps put together one by one, as Celery's `chain(X, Y, Z)` is `X | Y | Z`: the same tree gives the same messages, and
 * the same callbacks called with the same results. Two steps may become a chord, and steps that begin with a group are
 * one; of nothing but empty groups the last stays, whose value is [].
 */
export function joinedSteps(steps: readonly SignatureDict[], links: Links): SignatureDict {
  const whole = joinedAll(chainDict([]), steps, links)
  return isChain(whole) && tasksOf(whole).length === 0 ? chainDict(steps.slice(-1)) : whole
}

/** Steps put behind what may stand alone: tasks one after another are joined at once, so that a long chain is not copied for each. */
export function joinedAll(
  left: SignatureDict,
  steps: readonly SignatureDict[],
  links: Links,
): SignatureDict {
  return runsOf(steps).reduce((whole, [first, ...others]) => {
    const begun = joined(whole, first, links)
    return others.length === 0 ? begun : withTasksBehind(begun, others, links)
  }, left)
}

type Run = readonly [SignatureDict, ...(readonly SignatureDict[])]

/** Tasks that stand next to each other, and anything else alone. */
function runsOf(steps: readonly SignatureDict[]): readonly Run[] {
  const runs: [SignatureDict, ...SignatureDict[]][] = []
  let open: SignatureDict[] | undefined
  for (const step of steps) {
    if (isTask(step) && open !== undefined) open.push(step)
    else runs.push([step])
    open = isTask(step) ? runs.at(-1) : undefined
  }
  return runs
}

/** Behind what ends with a task, or with a chord that takes them into its body. */
function withTasksBehind(
  left: SignatureDict,
  tasks: readonly SignatureDict[],
  links: Links,
): SignatureDict {
  if (isChord(left)) return withBody(left, withTasksBehind(bodyOf(left), tasks, links))
  if (!isChain(left)) return chainDict([left, ...tasks])
  const steps = tasksOf(left)
  const last = steps.at(-1)
  return last !== undefined && isChord(last)
    ? withTasks(left, [...steps.slice(0, -1), withTasksBehind(last, tasks, links)])
    : chainDict([...linkedSteps(left, links), ...tasks])
}

/** Celery's `left | right`. */
function joined(left: SignatureDict, right: SignatureDict, links: Links): SignatureDict {
  const [only, ...others] = isGroup(right) ? tasksOf(right) : [right]
  if (only === undefined) return left
  if (isGroup(left)) return chordDict(left, right)
  // A group of one is that one; of a group of one in it, only the outer one is.
  if (only !== right && others.length === 0 && !isGroup(only)) return joined(left, only, links)
  const step = others.length === 0 ? only : right
  if (isChain(left)) {
    return hasOnlyLinks(step)
      ? joinedAll(left, stepsOf(step, links), links)
      : behind(left, step, links)
  }
  if (isChord(left) && takesAsBody(left, step)) return inBody(left, step, links)
  return chainDict([left, ...stepsOf(step, links)])
}

/** What stands behind a chain: a group that it ends with, or a chord, takes it in. */
function behind(left: SignatureDict, step: SignatureDict, links: Links): SignatureDict {
  const steps = tasksOf(left)
  const last = steps.at(-1)
  if (last === undefined) return isGroup(step) ? step : chainDict([step])
  const before = steps.slice(0, -1)
  if (isGroup(last) && !isGroup(step)) return withTasks(left, [...before, chordDict(last, step)])
  if (isChord(last) && (!isChord(step) || endsInGroup(bodyOf(last)))) {
    return withTasks(left, [...before, inBody(last, step, links)])
  }
  // Callbacks of a chain are not those of what stands behind it.
  return chainDict([...linkedSteps(left, links), step])
}

/**
 * A chord with what follows it in its body. Celery leaves a chain or a group beside a chord whose body is a group, where its
 * workers run it once for each member of that group, with the same ids; here it gets the group's results, once.
 */
function takesAsBody(chord: SignatureDict, right: SignatureDict): boolean {
  return !(isChain(right) || isGroup(right)) || endsInGroup(bodyOf(chord))
}

function inBody(chord: SignatureDict, step: SignatureDict, links: Links): SignatureDict {
  return withBody(chord, joined(bodyOf(chord), step, links))
}

function endsInGroup(body: SignatureDict): boolean {
  if (isChord(body)) return endsInGroup(bodyOf(body))
  if (!isChain(body)) return isGroup(body)
  // A body that a task leads is spliced into the chain around it.
  const [first] = tasksOf(body)
  return first !== undefined && isGroup(first)
}

/** A chain within a chain is its steps, as in Celery, whose workers drop its callbacks otherwise; one with other options stays as it is. */
function stepsOf(dict: SignatureDict, links: Links): readonly SignatureDict[] {
  return hasOnlyLinks(dict) ? linkedSteps(dict, links) : [dict]
}

function hasOnlyLinks(dict: SignatureDict): boolean {
  const { link: _callbacks, link_error: _errbacks, ...others } = dict.options
  return isChain(dict) && dict.args.length + Object.keys(others).length === 0
}
