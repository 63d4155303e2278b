import type { FollowUp, FollowUps } from '../mirror/follow-ups.ts'

/** A step that is known from what comes before it, and not published. */
export interface PendingStep {
  readonly id: string | null
  readonly name: string
  readonly kind: 'task' | 'chain' | 'group' | 'chord' | 'callback' | 'errback' | 'chord body'
  /** How many members the body of a chord waits for, where that is known. */
  readonly size: number | null
  readonly steps: readonly PendingStep[]
}

/**
 * What of a task's follow-ups is still to come. Each step of a chain hangs on the one before it. A step without an id
 * counts as to come until the task is over: by then it was published under an id that only its own message has.
 */
export function pendingSteps(followUps: FollowUps | null, context: StepContext): PendingStep[] {
  if (followUps === null) return []
  const isToCome = ({ id }: FollowUp): boolean =>
    id === undefined ? !context.isOver : !context.isPublished(id)
  const { errbacks, ...others } = followUps
  return linked(context.hasSucceeded ? others : followUps, isToCome)
}

interface StepContext {
  readonly isPublished: (id: string) => boolean
  readonly isOver: boolean
  /** Then no errback comes any more. */
  readonly hasSucceeded: boolean
}

type IsToCome = (step: FollowUp) => boolean

function linked(followUps: FollowUps, isToCome: IsToCome): PendingStep[] {
  const { chain = [], callbacks = [], errbacks = [], chord } = followUps
  const body = chord === undefined ? [] : stepOf(chord, 'chord body', isToCome)
  return [
    ...chainOf(chain, isToCome, body),
    ...callbacks.flatMap((step) => stepOf(step, 'callback', isToCome)),
    ...errbacks.flatMap((step) => stepOf(step, 'errback', isToCome)),
  ]
}

/** The first that is to come, with the rest below it; at its end what follows the chain as a whole. */
function chainOf(
  [step, ...rest]: readonly FollowUp[],
  isToCome: IsToCome,
  last: readonly PendingStep[],
): readonly PendingStep[] {
  if (step === undefined) return last
  const below = chainOf(rest, isToCome, last)
  const [first] = stepOf(step, 'task', isToCome)
  return first === undefined ? below : [{ ...first, steps: [...first.steps, ...below] }]
}

function stepOf(step: FollowUp, role: PendingStep['kind'], isToCome: IsToCome): PendingStep[] {
  if (!(isComposite(step) || isToCome(step))) return []
  const inner = (step.steps ?? []).flatMap((one) => stepOf(one, 'task', isToCome))
  const members = step.kind === 'chain' ? nest(inner) : inner
  const steps = [...members, ...linked(step, isToCome)]
  if (isComposite(step) && steps.length === 0) return []
  const pending: PendingStep = {
    id: step.id ?? null,
    name: step.name,
    kind: step.kind ?? role,
    size: step.size ?? null,
    steps,
  }
  return [pending]
}

/** What is never published itself: a group and a chord have the id of the group, or of the body. */
function isComposite({ kind }: FollowUp): boolean {
  return kind === 'group' || kind === 'chord'
}

/** The steps of a chain within, each below the one before it. */
function nest([first, ...rest]: readonly PendingStep[]): readonly PendingStep[] {
  return first === undefined ? [] : [{ ...first, steps: [...first.steps, ...nest(rest)] }]
}
