import type { TaskEntry } from '../mirror/task-entry.ts'
import type { MirrorRecord } from '../mirror/types.ts'
import { callOrder, progressOrder } from './task-order.ts'
import type { TaskProgress } from './task-progress.ts'

/** The tasks that messages tell of. The same message twice counts once. */
export function mirroredTasks(batch: readonly MirrorRecord[]): TaskEntry[] {
  const seen = new Set<string>()
  const tasks: TaskEntry[] = []
  for (const { task, message } of batch) {
    if (task === null || seen.has(message.digest)) continue
    seen.add(message.digest)
    tasks.push(task)
  }
  return tasks
}

/**
 * The tasks of a batch, for one statement each list: no id twice in one. As a rule there is one list; the ids of a
 * later one are all in the first, so that it locks nothing that is not locked already.
 */
export function mergeTasks(tasks: Iterable<TaskEntry>): TaskEntry[][] {
  const rounds: Map<string, TaskEntry>[] = []
  for (const task of tasks) addTo(rounds, task)
  return rounds.map((round) => [...round.values()])
}

/** Where two records of a task do not differ in age, the database decides: the second goes one round later. */
function addTo(rounds: Map<string, TaskEntry>[], task: TaskEntry): void {
  for (const tasks of rounds) {
    const other = tasks.get(task.taskId)
    const both = other === undefined ? task : merged(other, task)
    if (both === undefined) continue
    tasks.set(task.taskId, both)
    return
  }
  rounds.push(new Map([[task.taskId, task]]))
}

/** What write-tasks.ts makes of two, one after the other; undefined where the database has to decide. */
function merged(one: TaskEntry, other: TaskEntry): TaskEntry | undefined {
  const called = greater(one, other, { order: callOrder, parts: CALL })
  const done = greater(one, other, { order: progressOrder, parts: PROGRESS })
  if (called === undefined || done === undefined) return undefined
  return {
    ...called,
    ...progressOf(done),
    // An event without a result takes none away that is known of the same state.
    stored: done.stored ?? (one.state === other.state ? (one.stored ?? other.stored) : null),
    receivedAtMs: least(one.receivedAtMs, other.receivedAtMs),
    kind: one.kind === 'task' ? other.kind : one.kind,
    startedAtMs: most(one.startedAtMs, other.startedAtMs),
    retries: Math.max(one.retries, other.retries),
    publishedAtMs: published(one, other),
    rootId: greatest(one.rootId, other.rootId),
    parentId: greatest(one.parentId, other.parentId),
    groupId: greatest(one.groupId, other.groupId),
    creatorId: greatest(one.creatorId, other.creatorId),
    relatedType: greatest(one.relatedType, other.relatedType),
    relatedId: greatest(one.relatedId, other.relatedId),
    replayOf: greatest(one.replayOf, other.replayOf),
    isResult: one.isResult || other.isResult,
    firstCall: leastCall(one, other),
    isClash: one.isClash || other.isClash || isClash(one, other),
  }
}

/** Taken as a whole from the source that knows best how the task was called. */
const CALL = [
  'name',
  'args',
  'kwargs',
  'options',
  'followUps',
  'queue',
  'routingKey',
  'origin',
  'lang',
  'etaMs',
  'expiresMs',
] as const

/** Taken as a whole from the record with the furthest state. */
const PROGRESS = [
  'state',
  'stateAtMs',
  'runtimeMs',
  'worker',
  'exception',
  'traceback',
  'stored',
] as const

function progressOf(task: TaskEntry): Pick<TaskProgress, (typeof PROGRESS)[number]> {
  const { state, stateAtMs, runtimeMs, worker, exception, traceback, stored } = task
  return { state, stateAtMs, runtimeMs, worker, exception, traceback, stored }
}

interface Comparison {
  readonly order: (one: TaskEntry, other: TaskEntry) => number
  readonly parts: readonly (keyof TaskEntry)[]
}

function greater(one: TaskEntry, other: TaskEntry, by: Comparison): TaskEntry | undefined {
  const order = by.order(one, other)
  if (order !== 0) return order > 0 ? one : other
  return by.parts.every((part) => one[part] === other[part]) ? one : undefined
}

function least(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}

/** The time at which the monitor saw the message counts; clocks of workers and callers may be wrong. */
function published(one: TaskEntry, other: TaskEntry): number | null {
  const isOne = one.source === 'message'
  if (isOne !== (other.source === 'message')) return (isOne ? one : other).publishedAtMs
  return least(one.publishedAtMs, other.publishedAtMs)
}

/** Two first calls of one id are two, in any order and with anything between them. */
function isClash(one: TaskEntry, other: TaskEntry): boolean {
  return one.firstCall !== null && other.firstCall !== null && one.firstCall !== other.firstCall
}

function leastCall(one: TaskEntry, other: TaskEntry): string | null {
  if (one.firstCall === null || other.firstCall === null) return one.firstCall ?? other.firstCall
  return one.firstCall < other.firstCall ? one.firstCall : other.firstCall
}

function most(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other)
}

/** By their bytes, as the database has it: JavaScript compares half characters. */
function greatest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  if (one === other) return one
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) > 0 ? one : other
}
