import type { Connection } from '../../database/database.ts'
import { criticalPath } from './critical-path.ts'
import { type Family, family } from './families.ts'
import { parentsOf } from './family-parents.ts'
import {
  type FamilyMember,
  familyMembers,
  type Mark,
  marksOf,
  publishedElsewhere,
} from './family-rows.ts'
import { type Span, spansOf, totalMs } from './family-spans.ts'
import { type PendingStep, pendingSteps } from './family-steps.ts'
import { findTask } from './show-task.ts'
import { whatPrecedes } from './why/family.ts'

/** A family as it grew: who was published by whom, and what is still to come. */
export interface FamilyTree extends Family {
  /** As a rule one: the root. More where a parent is not recorded. */
  readonly roots: readonly TreeNode[]
  /** The ids of the tasks that decided how long it took, in their order. */
  readonly criticalPath: readonly string[]
  readonly totals: SpanTotals
  /** The time up to which spans without an end are counted. */
  readonly at: Date
}

export interface TreeNode {
  readonly task: FamilyMember
  readonly spans: readonly Span[]
  readonly totals: SpanTotals
  readonly isCritical: boolean
  readonly children: readonly TreeNode[]
  /** Below it, and not published yet. */
  readonly pending: readonly PendingStep[]
  /** What is pending below it never comes, as it failed. */
  readonly isBroken: boolean
}

export interface SpanTotals {
  readonly waitingMs: number
  readonly runningMs: number
  readonly retryMs: number
}

/**
 * The family of a task, by the id of any member or the beginning of it, of a step that is still to come, or of a group;
 * undefined where there is none.
 */
export async function familyTree(
  database: Connection,
  idOrPrefix: string,
): Promise<FamilyTree | undefined> {
  const taskId = await findMember(database, idOrPrefix)
  if (taskId === undefined) return undefined
  const whole = await family(database, taskId)
  if (whole === undefined) return undefined
  const members = await familyMembers(database, whole.rootId)
  const [marks, elsewhere] = await Promise.all([
    marksOf(database, members),
    publishedElsewhere(database, members),
  ])
  return treeOf(whole, members, marks, { elsewhere })
}

/** A workflow is known by its last step, or by its group, before either is published. */
async function findMember(database: Connection, id: string): Promise<string | undefined> {
  return (
    (await findTask(database, id)) ??
    (await whatPrecedes(database, id))?.parent.taskId ??
    (await memberOfGroup(database, id))
  )
}

async function memberOfGroup(database: Connection, groupId: string): Promise<string | undefined> {
  const [member] = await database.query<{ taskId: string }>(
    'SELECT task_id AS "taskId" FROM monitor.task WHERE group_id = $1 LIMIT 1',
    [groupId],
  )
  return member?.taskId
}

interface TreeOptions {
  /** Default now. */
  readonly at?: Date
  /** The ids of steps that were published in another family, as Celery does the body of a chord that is a root. */
  readonly elsewhere?: readonly string[]
}

/** Puts together what was read. */
export function treeOf(
  whole: Family,
  members: readonly FamilyMember[],
  marks: readonly Mark[],
  { at = new Date(), elsewhere = [] }: TreeOptions = {},
): FamilyTree {
  const published = new Set([...members.map(({ taskId }) => taskId), ...elsewhere])
  const parents = parentsOf(members, whole.rootId)
  const path = criticalPath(members)
  const context: Context = {
    at,
    marks: grouped(marks, ({ taskId }) => taskId),
    children: grouped(members, ({ taskId }) => parents.get(taskId) ?? ''),
    pending: pendingOf(members, published),
    path: new Set(path),
  }
  const roots = members
    .filter(({ taskId }) => !parents.has(taskId))
    .map((member) => nodeOf(member, context))
  return { ...whole, roots, criticalPath: path, totals: summed(allNodes(roots)), at }
}

interface Context {
  readonly at: Date
  readonly marks: ReadonlyMap<string, readonly Mark[]>
  readonly children: ReadonlyMap<string, readonly FamilyMember[]>
  readonly pending: ReadonlyMap<string, readonly PendingStep[]>
  readonly path: ReadonlySet<string>
}

function nodeOf(task: FamilyMember, context: Context): TreeNode {
  const { at, marks, children, pending, path } = context
  const spans = spansOf(task, marks.get(task.taskId) ?? [])
  return {
    task,
    spans,
    totals: {
      waitingMs: totalMs(spans, 'waiting', at),
      runningMs: totalMs(spans, 'running', at),
      retryMs: totalMs(spans, 'retry', at),
    },
    isCritical: path.has(task.taskId),
    children: (children.get(task.taskId) ?? []).map((child) => nodeOf(child, context)),
    pending: pending.get(task.taskId) ?? [],
    isBroken: task.finishedAt !== null && task.status !== 'SUCCESS',
  }
}

/** A step that several tasks name (all members of a chord name its body) is shown once, below the last of them. */
function pendingOf(
  members: readonly FamilyMember[],
  published: ReadonlySet<string>,
): Map<string, PendingStep[]> {
  const claimed = new Set<string>()
  const pending = new Map<string, PendingStep[]>()
  for (const { taskId, followUps, finishedAt, status } of members.toReversed()) {
    const steps = pendingSteps(followUps, {
      isPublished: (id) => published.has(id) || claimed.has(id),
      isOver: finishedAt !== null,
      hasSucceeded: status === 'SUCCESS',
    })
    for (const id of steps.flatMap(idsOf)) claimed.add(id)
    if (steps.length > 0) pending.set(taskId, steps)
  }
  return pending
}

function idsOf({ id, steps }: PendingStep): string[] {
  return [...(id === null ? [] : [id]), ...steps.flatMap(idsOf)]
}

export function allNodes(nodes: readonly TreeNode[]): TreeNode[] {
  return nodes.flatMap((node) => [node, ...allNodes(node.children)])
}

function summed(nodes: readonly TreeNode[]): SpanTotals {
  const sum = (field: keyof SpanTotals): number =>
    nodes.reduce((total, { totals }) => total + totals[field], 0)
  return { waitingMs: sum('waitingMs'), runningMs: sum('runningMs'), retryMs: sum('retryMs') }
}

function grouped<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const known = groups.get(key(row))
    if (known === undefined) groups.set(key(row), [row])
    else known.push(row)
  }
  return groups
}
