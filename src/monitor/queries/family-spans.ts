import type { FamilyMember, Mark, MarkKind } from './family-rows.ts'

/** A part of a task's life: waiting to be run, running, or waiting to be run again. */
export interface Span {
  readonly kind: 'waiting' | 'running' | 'retry'
  readonly from: Date
  /** Null where it has not ended. */
  readonly to: Date | null
}

/** What a task went through, in order and without gaps, from all that is known of it. */
export function spansOf(member: FamilyMember, marks: readonly Mark[]): Span[] {
  const turns = turnsOf(inOrder([...marks, ...columnMarks(member)]))
  return turns.flatMap(({ kind, at: from }, index) => {
    const to = turns[index + 1]?.at ?? null
    if (kind === null || (to === null && isOver(member))) return []
    return to !== null && to <= from ? [] : [{ kind, from, to }]
  })
}

interface Turn {
  readonly kind: Span['kind'] | null
  readonly at: Date
}

/** The marks at which something else began. A task that is received again while it waits or runs stays in the same span. */
function turnsOf(marks: readonly Mark[]): Turn[] {
  const turns: Turn[] = []
  for (const { kind: mark, at } of marks) {
    const before = turns.at(-1)?.kind ?? null
    const kind = NEXT[mark]
    if (before === null && kind !== null) turns.push({ kind: firstOf(kind), at })
    else if (kind !== before && kind !== 'waiting') turns.push({ kind, at })
  }
  return turns
}

/** What a mark begins; null where it ends all. */
const NEXT: Readonly<Record<MarkKind, Span['kind'] | null>> = {
  published: 'waiting',
  received: 'waiting',
  started: 'running',
  retried: 'retry',
  finished: null,
}

function firstOf(kind: Span['kind']): Span['kind'] {
  return kind === 'retry' ? 'waiting' : kind
}

const RANK: Readonly<Record<MarkKind, number>> = {
  published: 0,
  received: 1,
  started: 2,
  retried: 3,
  finished: 4,
}

function inOrder(marks: readonly Mark[]): Mark[] {
  return marks.toSorted(
    (one, other) => one.at.getTime() - other.at.getTime() || RANK[one.kind] - RANK[other.kind],
  )
}

function columnMarks({ taskId, ...member }: FamilyMember): Mark[] {
  const { publishedAt, receivedAt, startedAt, finishedAt } = member
  const known = [
    { kind: 'published', at: publishedAt },
    { kind: 'received', at: receivedAt },
    { kind: 'started', at: startedAt },
    { kind: 'finished', at: finishedAt },
  ] as const
  return known.flatMap(({ kind, at }) => (at === null ? [] : [{ taskId, kind, at }]))
}

function isOver({ finishedAt, status }: FamilyMember): boolean {
  return finishedAt !== null || NEVER_RUNS.has(status)
}

const NEVER_RUNS: ReadonlySet<string> = new Set(['EXPIRED', 'UNROUTED'])

/** Milliseconds of each kind, up to now where it has not ended. */
export function totalMs(spans: readonly Span[], kind: Span['kind'], now: Date): number {
  return spans
    .filter((span) => span.kind === kind)
    .reduce((sum, { from, to }) => sum + Math.max(0, (to ?? now).getTime() - from.getTime()), 0)
}
