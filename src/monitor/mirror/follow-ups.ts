import { isRecord } from '../../protocol/field-readers.ts'
import type { Embed } from '../../protocol/task-request.ts'

/** What a task's message says is to come after it: monitor.task.follow_ups. Absent is what there is none of. */
export interface FollowUps {
  /** In the order in which they will run. */
  readonly chain?: readonly FollowUp[]
  readonly callbacks?: readonly FollowUp[]
  readonly errbacks?: readonly FollowUp[]
  /** What runs once all members of the task's group are done. */
  readonly chord?: FollowUp
  /** Steps that were left out, so that a row stays small. */
  readonly more?: number
}

/** One step that is not published yet. */
export interface FollowUp extends FollowUps {
  /** Most steps know their ids beforehand. */
  readonly id?: string
  readonly name: string
  readonly kind?: 'chain' | 'group' | 'chord'
  /** What a chain or a group is made of, or the header of a chord. */
  readonly steps?: readonly FollowUp[]
  /** How many members a chord waits for. */
  readonly size?: number
}

const MOST_STEPS = 100
const DEEPEST = 8
const LONGEST_TEXT = 255

/** Null where nothing follows. Whatever was sent is read generously: this is for people to see. */
export function followUpsOf(embed: Embed): FollowUps | null {
  const { chain, callbacks, errbacks, chord } = embed
  if (!(chain?.length || callbacks?.length || errbacks?.length || chord)) return null
  const budget = { left: MOST_STEPS, more: 0 }
  const found = linksOf({ chain, link: callbacks, link_error: errbacks, chord }, budget, 0)
  return budget.more === 0 ? found : { ...found, more: budget.more }
}

interface Budget {
  left: number
  more: number
}

/** Under the names that a signature's options have. */
function linksOf(options: Fields, budget: Budget, depth: number): FollowUps {
  const chain = stepsOf(listOf(options.chain).toReversed(), budget, depth)
  const chord = isRecord(options.chord) ? stepOf(options.chord, budget, depth) : undefined
  const callbacks = stepsOf(listOf(options.link), budget, depth)
  const errbacks = stepsOf(listOf(options.link_error), budget, depth)
  return {
    ...(chain.length > 0 && { chain }),
    ...(chord !== undefined && { chord }),
    ...(callbacks.length > 0 && { callbacks }),
    ...(errbacks.length > 0 && { errbacks }),
  }
}

function stepsOf(signatures: readonly unknown[], budget: Budget, depth: number): FollowUp[] {
  return signatures.flatMap((signature) => stepOf(signature, budget, depth) ?? [])
}

function stepOf(signature: unknown, budget: Budget, depth: number): FollowUp | undefined {
  if (!isRecord(signature) || typeof signature.task !== 'string') return undefined
  if (budget.left === 0 || depth > DEEPEST) {
    budget.more += 1
    return undefined
  }
  budget.left -= 1
  const options = isRecord(signature.options) ? signature.options : {}
  const { task_id: id } = options
  return {
    ...(typeof id === 'string' && { id: id.slice(0, LONGEST_TEXT) }),
    name: signature.task.slice(0, LONGEST_TEXT),
    ...partsOf(signature, budget, depth + 1),
    ...linksOf(options, budget, depth + 1),
  }
}

function partsOf(signature: Fields, budget: Budget, depth: number): Partial<FollowUp> {
  const kwargs = isRecord(signature.kwargs) ? signature.kwargs : {}
  switch (signature.subtask_type) {
    case 'chain':
    case 'group':
      return { kind: signature.subtask_type, steps: stepsOf(listOf(kwargs.tasks), budget, depth) }
    case 'chord': {
      const steps = stepsOf(membersOf(kwargs.header), budget, depth)
      const body = stepOf(kwargs.body, budget, depth)
      return {
        kind: 'chord',
        steps,
        size: steps.length,
        ...(body !== undefined && { chord: body }),
      }
    }
    default:
      // What a chord's body says of the members it waits for.
      return typeof signature.chord_size === 'number' ? { size: signature.chord_size } : {}
  }
}

/** A header is a list of signatures, or a group. */
function membersOf(header: unknown): readonly unknown[] {
  if (!isRecord(header)) return listOf(header)
  const kwargs = isRecord(header.kwargs) ? header.kwargs : {}
  return header.subtask_type === 'group' ? listOf(kwargs.tasks) : [header]
}

type Fields = Readonly<Record<string, unknown>>

function listOf(value: unknown): readonly unknown[] {
  if (value === null || value === undefined) return []
  return Array.isArray(value) ? value : [value]
}
