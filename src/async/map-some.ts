import { collectAll } from '../collect-garbage.ts'
import { startTimer } from './timer.ts'

/** As many as keep a broker or a database busy, and few enough that what is under way takes little memory. */
export const MOST_AT_ONCE = 250

/** So many leave up to forty megabytes behind. */
const COLLECT_AFTER = 10_000
/** Then what asked for all this has been let go, too. */
const LET_GO_MS = 5_000

/**
 * What comes of each item, in their order, while at most so many are worked on at a time: those that wait take no memory but
 * their own, and where they are made one by one, none. After a failure no more are begun. What very many leave behind is
 * collected on the way, and at the end.
 */
export async function mapSome<Item, Result>(
  items: Iterable<Item>,
  most: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = items[Symbol.iterator]()
  let count = 0
  let isOver = false
  const workOn = async (): Promise<void> => {
    while (!isOver) {
      try {
        const next = left.next()
        if (next.done === true) isOver = true
        else {
          const index = count++
          if (count % COLLECT_AFTER === 0) collectAll()
          results[index] = await work(next.value, index)
        }
      } catch (error) {
        isOver = true
        throw error
      }
    }
  }
  const workers: Promise<void>[] = []
  while (!isOver && workers.length < most) workers.push(workOn())
  await Promise.all(workers)
  if (count >= COLLECT_AFTER) startTimer(LET_GO_MS, () => collectAll()).unref()
  return results
}
