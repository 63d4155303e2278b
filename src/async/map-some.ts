/** As many as keep a broker or a database busy, and few enough that what is under way takes little memory. */
export const MOST_AT_ONCE = 1_000

/**
 * What comes of each item, in their order, while at most so many are worked on at a time: those that wait take no memory but
 * their own. After a failure no more are begun.
 */
export async function mapSome<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = items.entries()
  let hasFailed = false
  const workOn = async (): Promise<void> => {
    for (const [index, item] of left) {
      if (hasFailed) return
      try {
        results[index] = await work(item, index)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, workOn))
  return results
}
