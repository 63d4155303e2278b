const MOST_TURNS = 8
/** Clearly less than quadratic: no need to measure again. */
const STEADY = 2.25

/**
 * How much more CPU twice the size costs: linear work gives 2, quadratic work 4. It is taken from what `times` the
 * size costs: the ratio of the cheapest of several runs of each, taken in turn, so that a busy machine or a collection of
 * garbage does not count; they are measured again while the ratio is high, as a cost that really grows stays high.
 * With 64 times the size, a constant factor of four (caches that are too small for the large one) adds a quarter.
 */
export async function growthOf(
  size: number,
  run: (size: number) => Promise<void> | void,
  times = 64,
): Promise<number> {
  await run(size)
  let small = Number.POSITIVE_INFINITY
  let large = Number.POSITIVE_INFINITY
  for (let turn = 1; ; turn += 1) {
    small = Math.min(small, await cpuOf(() => run(size)))
    large = Math.min(large, await cpuOf(() => run(times * size)))
    const ratio = (large / Math.max(small, 1)) ** (1 / Math.log2(times))
    if (turn === MOST_TURNS || (turn > 1 && ratio < STEADY)) return ratio
  }
}

async function cpuOf(run: () => Promise<void> | void): Promise<number> {
  globalThis.gc?.() // where the project has it: see vitest.config.ts
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
