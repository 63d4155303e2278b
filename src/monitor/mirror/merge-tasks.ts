import type { Mirrored } from './mirrored.ts'
import type { TaskEntry } from './task-entry.ts'

/**
 * The tasks of a batch, for one statement each list: no id twice in one, sorted by id, so that monitors which
 * write side by side lock rows in the same order. As a rule there is one list.
 */
export function mergeTasks(batch: readonly Mirrored[]): TaskEntry[][] {
  const seen = new Set<string>()
  const rounds: Map<string, TaskEntry>[] = []
  for (const { task, message } of batch) {
    if (task === null) continue
    if (seen.has(message.digest)) continue
    seen.add(message.digest)
    addTo(rounds, task)
  }
  return rounds.map((tasks) => [...tasks.values()].sort(byId))
}

/** Where two messages of a task cannot be told apart by age, the database decides: the second goes one round later. */
function addTo(rounds: Map<string, TaskEntry>[], task: TaskEntry): void {
  for (const tasks of rounds) {
    const other = tasks.get(task.taskId)
    const age =
      other === undefined ? 1 : task.retries - other.retries || task.nesting - other.nesting
    if (age === 0) continue
    if (other === undefined) tasks.set(task.taskId, task)
    else tasks.set(task.taskId, age > 0 ? merged(other, task) : merged(task, other))
    return
  }
  rounds.push(new Map([[task.taskId, task]]))
}

/** What write-tasks.ts makes of two messages, one after the other. */
function merged(earlier: TaskEntry, later: TaskEntry): TaskEntry {
  return {
    ...later,
    args: later.args ?? earlier.args,
    kwargs: later.kwargs ?? earlier.kwargs,
    origin: later.origin ?? earlier.origin,
    lang: later.lang ?? earlier.lang,
    rootId: greatest(earlier.rootId, later.rootId) ?? later.rootId,
    parentId: greatest(earlier.parentId, later.parentId),
    groupId: greatest(earlier.groupId, later.groupId),
    creatorId: greatest(earlier.creatorId, later.creatorId),
    relatedType: greatest(earlier.relatedType, later.relatedType),
    relatedId: greatest(earlier.relatedId, later.relatedId),
    isResult: earlier.isResult || later.isResult,
    replayOf: greatest(earlier.replayOf, later.replayOf),
    publishedAtMs: Math.min(earlier.publishedAtMs, later.publishedAtMs),
  }
}

function greatest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}

function byId(one: TaskEntry, other: TaskEntry): number {
  if (one.taskId === other.taskId) return 0
  return one.taskId < other.taskId ? -1 : 1
}
