import type { Shape } from './shape.ts'

/** A workflow as Python's `|` puts it together, which differs from how it is written. */
type Built =
  | { readonly kind: 'task' }
  | { readonly kind: 'group'; readonly members: readonly Built[] }
  | { readonly kind: 'chord'; readonly members: readonly Built[]; readonly body: Built }
  | { readonly kind: 'chain'; readonly steps: readonly Built[] }

/**
 * Whether Python gives the steps behind a chord to each member of the group that is the chord's body: where a chain, a
 * chord or a group follows two groups that a chain begins with, or a chord whose body is a group. Each member then
 * runs these steps, with the same ids, and only one of the runs is seen in the result.
 */
export function hasStepsPerMember(shape: Shape): boolean {
  return runsPerMember(built(shape))
}

function runsPerMember(one: Built): boolean {
  if (one.kind === 'task') return false
  if (one.kind === 'group') return one.members.some(runsPerMember)
  if (one.kind === 'chord') return [...one.members, one.body].some(runsPerMember)
  const isGiven = one.steps
    .slice(0, -1)
    .some((step) => step.kind === 'chord' && endsInGroup(step.body))
  return isGiven || one.steps.some(runsPerMember)
}

function endsInGroup(body: Built): boolean {
  if (body.kind === 'chord') return endsInGroup(body.body)
  // A chain that a task leads is spliced into the outer chain instead.
  return body.kind === 'group' || (body.kind === 'chain' && body.steps[0]?.kind === 'group')
}

function built(shape: Shape): Built {
  if (shape.kind === 'task') return { kind: 'task' }
  const parts = shape.parts.map(built)
  if (shape.kind === 'group') return { kind: 'group', members: parts }
  if (shape.kind === 'chord') return { kind: 'chord', members: parts, body: built(shape.body) }
  return parts.reduce(joined, { kind: 'chain', steps: [] })
}

/** Python's `left | right`. */
function joined(left: Built, right: Built): Built {
  if (right.kind === 'group') {
    const [only, ...others] = right.members
    if (only === undefined) return left
    if (others.length === 0) return joined(left, only)
  }
  if (left.kind === 'group') return { kind: 'chord', members: left.members, body: right }
  const steps = right.kind === 'chain' ? right.steps : [right]
  if (left.kind === 'chain') return steps.reduce(withStep, left)
  const isOfBody = left.kind === 'chord' && (right.kind === 'task' || right.kind === 'chord')
  return isOfBody
    ? { ...left, body: joined(left.body, right) }
    : { kind: 'chain', steps: [left, ...steps] }
}

function withStep(left: Built, step: Built): Built {
  if (left.kind !== 'chain') return joined(left, step)
  const last = left.steps.at(-1)
  if (last === undefined) return step.kind === 'group' ? step : { kind: 'chain', steps: [step] }
  const before = left.steps.slice(0, -1)
  if (last.kind === 'group' && step.kind !== 'group')
    return { kind: 'chain', steps: [...before, joined(last, step)] }
  if (last.kind === 'chord' && step.kind !== 'chord')
    return { kind: 'chain', steps: [...before, { ...last, body: joined(last.body, step) }] }
  return { kind: 'chain', steps: [...left.steps, step] }
}
