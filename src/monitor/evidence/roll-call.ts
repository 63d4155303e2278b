import type { Control } from '../../control/control.ts'
import { isRecord } from '../../protocol/field-readers.ts'

/** What living workers say when they are asked which of some tasks they have. */
export interface RollCall {
  /** The workers that answered. */
  readonly answered: ReadonlySet<string>
  /** The worker that has a task, running or waiting to run, by the id of the task. */
  readonly holders: ReadonlyMap<string, string>
}

export type CallRoll = (taskIds: readonly string[]) => Promise<RollCall>

export const NO_ANSWERS: RollCall = { answered: new Set(), holders: new Map() }

/** A worker has answered if it has answered each time. */
export function mergedRolls(rolls: readonly RollCall[]): RollCall {
  const [first = NO_ANSWERS, ...others] = rolls
  const always = [...first.answered].filter((name) =>
    others.every(({ answered }) => answered.has(name)),
  )
  return {
    answered: new Set(always),
    holders: new Map(rolls.flatMap(({ holders }) => [...holders])),
  }
}

const TIMEOUT_MS = 1_500

/** Asks all workers at once, by the command `query_task` of remote control. */
export function rollCallBy(control: Pick<Control, 'broadcast'>): CallRoll {
  return async (taskIds) => {
    if (taskIds.length === 0) return NO_ANSWERS
    const options = { reply: true, timeoutMs: TIMEOUT_MS }
    const replies = await control.broadcast('query_task', { ids: taskIds }, options)
    return rollCallOf(replies)
  }
}

/** A worker that does not know the command, or fails, has said nothing. */
function rollCallOf(replies: readonly Readonly<Record<string, unknown>>[]): RollCall {
  const answered = new Set<string>()
  const holders = new Map<string, string>()
  for (const [worker, answer] of replies.flatMap((reply) => Object.entries(reply))) {
    if (!isRecord(answer) || 'error' in answer) continue
    answered.add(worker)
    for (const taskId of Object.keys(answer)) holders.set(taskId, worker)
  }
  return { answered, holders }
}
