import type { Compared, Outcome } from './outcome.ts'
import type { Shape } from './shape.ts'
import { hasStepsPerMember } from './steps-per-member.ts'

/** A kind of difference from Python that stays, with its reason. */
export interface Listed {
  readonly why: string
  /** Whether a workflow has the shape that differs so, where it is the shape that does. */
  readonly isIn?: (shape: Shape) => boolean
  /** Both outcomes without differences of this kind. */
  readonly without: (compared: Compared) => Compared
}

export const NEVER_IN_PYTHON =
  'a workflow that never ends with Python alone may not end if Python calls it or runs a part of it; with our workers alone it ends'

export const LISTED: readonly Listed[] = [
  {
    why: 'the results of groups in a chord’s header are in the order of the header; in Python they are reversed',
    isIn: hasGroupInHeader,
    without: (compared) => both(compared, unordered),
  },
  {
    why: '`get()` of a failed chord throws the `ChordError` that is stored for its body and names the member; Python throws the member’s own exception if it reads that first, and of several failures the one that it reads first',
    without: (compared) => (failsInBoth(compared) ? both(compared, anyFailure) : compared),
  },
  {
    why: 'steps that can never run are stored as FAILURE, and their errbacks are called; Python leaves some of them PENDING',
    without: withoutFailedSteps,
  },
  {
    why: 'a task that was tried again or replaced ends as SUCCESS or FAILURE; Python may store RETRY or STARTED after its end',
    without: withoutLateStates,
  },
  {
    why: 'a chain that holds only a group passes its arguments to the group; Python drops them',
    isIn: hasLoneGroup,
    without: (compared) =>
      hasLoneGroup(compared.shape) ? both(compared, withoutValues) : compared,
  },
  {
    why: 'callbacks and errbacks of a chain that is the only part of a chain are called; Python drops them',
    isIn: (shape) => callbacksOfLoneChains(shape).length > 0,
    without: (compared) => {
      const callbacks = callbacksOfLoneChains(compared.shape)
      return both(compared, (outcome) => withoutCallbacks(outcome, callbacks))
    },
  },
  {
    why: 'a chain that holds only empty groups has the result []; Python fails to start it',
    isIn: isNothing,
    without: (compared) => (isNothing(compared.shape) ? both(compared, onlyEnded) : compared),
  },
  {
    why: 'a chain, a chord or a last group behind two groups gets the results of the second one, once; Python runs it for each member of the second group, with the same ids, and keeps one of the results',
    isIn: hasStepsPerMember,
    without: (compared) =>
      hasStepsPerMember(compared.shape) ? both(compared, onlyEnded) : compared,
  },
]

function both(compared: Compared, change: (outcome: Outcome) => Outcome): Compared {
  return { ...compared, expected: change(compared.expected), actual: change(compared.actual) }
}

function unordered(outcome: Outcome): Outcome {
  const marks = outcome.marks
    .map((mark) => {
      const [what, tag, ...rest] = JSON.parse(mark) as readonly unknown[]
      return JSON.stringify([what, tag, ...rest.map(sorted)])
    })
    .sort()
  // As both are made of one value, the end is of the same kind.
  return { ...outcome, marks, end: sorted(outcome.end) as Outcome['end'] }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .map(sorted)
      .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, sorted(one)]))
}

/** Each side's error is of a task that failed on both. */
function failsInBoth({ shape, expected, actual }: Compared): boolean {
  const broken = new Set(brokenTags(shape))
  return [expected, actual].every(({ end, marks }) => {
    if (!('error' in end)) return false
    const named = end.error[1].match(/\bt\d+/g) ?? []
    return named.some((tag) => broken.has(tag) && hasRun(marks, tag))
  })
}

/** Marks of stamped tasks say more. */
function hasRun(marks: readonly string[], tag: string): boolean {
  return marks.some((mark) => mark.startsWith(`["ran","${tag}"`))
}

function brokenTags(shape: Shape): readonly string[] {
  if (shape.kind === 'task') return shape.does === 'break' ? [shape.tag] : []
  const parts = shape.kind === 'chord' ? [...shape.parts, shape.body] : shape.parts
  return parts.flatMap(brokenTags)
}

function anyFailure(outcome: Outcome): Outcome {
  return { ...outcome, end: { error: ['an error', 'of a task that failed'] } }
}

function withoutFailedSteps(compared: Compared): Compared {
  const { expected, actual } = compared
  const isListed = (tag: string): boolean =>
    expected.states[tag] === 'PENDING' &&
    actual.states[tag] === 'FAILURE' &&
    !hasRun([...expected.marks, ...actual.marks], tag)
  const marks = actual.marks.filter((mark) => {
    const [what, , failed] = JSON.parse(mark) as readonly unknown[]
    return !(what === 'error' && typeof failed === 'string' && isListed(failed))
  })
  const without = { ...compared, actual: { ...actual, marks } }
  return withStates(without, isListed)
}

function withoutLateStates(compared: Compared): Compared {
  const { expected, actual } = compared
  return withStates(compared, (tag) => {
    const states = [expected.states[tag] ?? '', actual.states[tag] ?? '']
    const [theirs, ours] = states.map((state) => LATE.includes(state))
    const bothEnd = states.every((state) => LATE.includes(state) || ENDS.includes(state))
    return bothEnd && (theirs || (ours && isPythons(compared, tag))) === true
  })
}

const LATE = ['RETRY', 'STARTED']
const ENDS = ['SUCCESS', 'FAILURE']

/** Its worker ran the task in our run, too. */
function isPythons({ direction }: Compared, tag: string): boolean {
  if (direction.endsWith('→both')) return Number.parseInt(tag.slice(1), 10) % 2 === 0
  return direction.endsWith('→python')
}

/** With Python's states where they differ as given. */
function withStates(compared: Compared, isListed: (tag: string) => boolean): Compared {
  const { expected, actual } = compared
  const states = Object.fromEntries(
    Object.entries(actual.states).map(([tag, state]) => [
      tag,
      isListed(tag) ? (expected.states[tag] ?? state) : state,
    ]),
  )
  return { ...compared, actual: { ...actual, states } }
}

/** Of each chain that stands alone in a chain. */
function callbacksOfLoneChains(shape: Shape): readonly string[] {
  if (shape.kind === 'task') return []
  const [only, ...others] = shape.parts
  const isAlone = shape.kind === 'chain' && only?.kind === 'chain' && others.length === 0
  const own = isAlone ? [only.link, only.linkError].filter((tag) => tag !== undefined) : []
  const parts = shape.kind === 'chord' ? [...shape.parts, shape.body] : shape.parts
  return [...own, ...parts.flatMap(callbacksOfLoneChains)]
}

function withoutCallbacks(outcome: Outcome, tags: readonly string[]): Outcome {
  const marks = outcome.marks.filter((mark) => {
    const [what, tag] = JSON.parse(mark) as readonly [string, string]
    return what === 'ran' || !tags.includes(tag)
  })
  return { ...outcome, marks }
}

/** A group of several members in the header of a chord, or in a group that becomes one. */
function hasGroupInHeader(shape: Shape): boolean {
  if (shape.kind === 'task') return false
  const parts = shape.kind === 'chord' ? [...shape.parts, shape.body] : shape.parts
  const isSideBySide = shape.kind === 'chord' || shape.kind === 'group'
  const inner = isSideBySide ? shape.parts.filter(({ kind }) => kind === 'group') : []
  return (
    inner.some((group) => 'parts' in group && group.parts.length > 1) ||
    parts.some(hasGroupInHeader)
  )
}

/** A body or a member of a group that is a chain of one group. */
function hasLoneGroup(shape: Shape): boolean {
  if (shape.kind === 'task') return false
  const [only, ...others] = shape.parts
  if (shape.kind === 'chain' && only?.kind === 'group' && others.length === 0) return true
  const parts = shape.kind === 'chord' ? [...shape.parts, shape.body] : shape.parts
  return parts.some(hasLoneGroup)
}

/** A chain of several groups without members. */
function isNothing(shape: Shape): boolean {
  if (shape.kind !== 'chain' || shape.parts.length < 2) return false
  return shape.parts.every((part) => part.kind === 'group' && part.parts.length === 0)
}

/** Whether it ended: which of its members comes last decides what Python makes of it. */
function onlyEnded({ run, end }: Outcome): Outcome {
  return { run, end: 'unfinished' in end ? end : { value: 'any' }, marks: [], states: {} }
}

/** Which tasks ran and which callbacks were called, whatever with. */
function withoutValues(outcome: Outcome): Outcome {
  const marks = outcome.marks.map((mark) => {
    const [what, tag, ...rest] = JSON.parse(mark) as readonly unknown[]
    return JSON.stringify(what === 'linked' ? [what, tag] : [what, tag, ...rest])
  })
  const end = 'value' in outcome.end ? { value: headsOf(outcome.end.value) } : outcome.end
  return { ...outcome, marks: marks.sort(), end }
}

/** Of `['t2', ['t1']]`, what t2 returned of what t1 had returned, only t2. */
function headsOf(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return typeof value[0] === 'string' ? [value[0]] : value.map(headsOf)
}
