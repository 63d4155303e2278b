import { kindOf } from '../../protocol/signature-tree/kinds.ts'
import { listOf } from '../../protocol/signature-tree/options.ts'
import { partsOf } from '../../protocol/signature-tree/parts.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { Embed, SignatureDict } from '../../protocol/tasks/task-request.ts'

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

/** Null where nothing follows. Malformed values are read as far as possible: this is for people to see. */
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
  const [chord] = stepsOf(listOf(options.chord), budget, depth)
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
  return signatures.flatMap((signature) => {
    const dict = readable(() => readSignature(signature))
    return dict === undefined ? [] : stepOf(dict, budget, depth)
  })
}

function stepOf(dict: SignatureDict, budget: Budget, depth: number): FollowUp[] {
  if (budget.left === 0 || depth > DEEPEST) {
    budget.more += 1
    return []
  }
  budget.left -= 1
  const { task_id: id } = dict.options
  return [
    {
      ...(typeof id === 'string' && { id: id.slice(0, LONGEST_TEXT) }),
      name: dict.task.slice(0, LONGEST_TEXT),
      ...madeOf(dict, budget, depth + 1),
      ...linksOf(dict.options, budget, depth + 1),
    },
  ]
}

/** Chunks are not taken apart: a list of items may be long. */
function madeOf(dict: SignatureDict, budget: Budget, depth: number): Partial<FollowUp> {
  const kind = kindOf(dict)
  if (kind === 'task') {
    // What a chord's body says of the members it waits for.
    const { chord_size: size } = dict as SignatureDict & Fields // older producers add keys
    return typeof size === 'number' ? { size } : {}
  }
  if (kind === 'map' || kind === 'starmap' || kind === 'chunks') return {}
  const parts = readable(() => partsOf(dict)) ?? []
  const steps = parts.flatMap(([place, part]) =>
    place === 'body' ? [] : stepOf(part, budget, depth),
  )
  if (kind !== 'chord') return { kind, steps }
  const [chord] = parts.flatMap(([place, part]) =>
    place === 'body' ? stepOf(part, budget, depth) : [],
  )
  return { kind, steps, size: steps.length, ...(chord !== undefined && { chord }) }
}

type Fields = Readonly<Record<string, unknown>>

/** What cannot be read is left out. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
