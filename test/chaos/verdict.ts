import type { Faults } from './faults.ts'
import type { Published, Run } from './record.ts'

/** All that is known of one task. */
export interface History {
  readonly runs: readonly Run[]
  readonly published: readonly Published[]
}

/** When a message is seen lies behind when it was published, by as much as the broker needs to come back. */
const SEEN_LATE_MS = 5_000

/**
 * What happened more than once, and no fault explains it:
 * - a task that ran more often than it was published was delivered again. A message is delivered again where its worker was
 *   hit before it had acknowledged it;
 * - a task that was published more often than once was published by a process that was hit before it had acknowledged the
 *   message that made it publish; or what published it had been published more than once itself.
 */
export class Verdict {
  readonly #histories: ReadonlyMap<string, History>
  readonly #faults: Pick<Faults, 'hit'>
  /** Processes of pools, and the workers they belong to. */
  readonly #workers: ReadonlyMap<number, number>

  constructor(runs: readonly Run[], published: readonly Published[], faults: Pick<Faults, 'hit'>) {
    const [runsOf, publishedOf] = [byTask(runs), byTask(published)]
    this.#histories = new Map(
      [...runsOf].map(([id, own]) => [id, { runs: own, published: publishedOf.get(id) ?? [] }]),
    )
    this.#faults = faults
    this.#workers = new Map(runs.map(({ process, worker }) => [process, worker]))
  }

  of(kind: Run['kind']): readonly History[] {
    return [...this.#histories.values()].filter(({ runs }) => runs[0]?.kind === kind)
  }

  unexplained(): readonly History[] {
    return [...this.#histories.values()].filter(
      (history) => !(this.#runsAreExplained(history) && this.#publishingIsExplained(history)),
    )
  }

  #runsAreExplained({ runs, published }: History): boolean {
    const hits = pairs(runs).filter(([run, next]) => this.#faults.hit(run.worker, run.at, next.at))
    return runs.length - hits.length <= Math.max(1, published.length)
  }

  #publishingIsExplained({ published }: History): boolean {
    if (published.length < 2) return published.length === 1
    return (
      pairs(published).every(([first, next]) => this.#isHitBetween(first, next)) ||
      published.every(({ parentId }) => this.#timesPublished(parentId) > 1)
    )
  }

  #isHitBetween(first: Published, next: Published): boolean {
    const worker = this.#workers.get(first.process) ?? first.process
    return this.#faults.hit(worker, first.at - SEEN_LATE_MS, next.at)
  }

  #timesPublished(taskId: string | null): number {
    return this.#histories.get(taskId ?? '')?.published.length ?? 0
  }
}

function byTask<Item extends { readonly taskId: string }>(
  items: readonly Item[],
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(item.taskId)
    if (group === undefined) groups.set(item.taskId, [item])
    else group.push(item)
  }
  return groups
}

function pairs<Item>(items: readonly Item[]): (readonly [Item, Item])[] {
  return items.slice(1).map((item, n) => [items[n] as Item, item])
}
