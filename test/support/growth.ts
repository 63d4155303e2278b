/**
 * How much more CPU twice the size costs: the ratio of the cheapest of several runs of each, taken in turn, so that a
 * busy machine or a collection of garbage does not count. Linear work gives 2, quadratic work 4.
 */
export async function growthOf(
  size: number,
  run: (size: number) => Promise<void> | void,
): Promise<number> {
  await run(size)
  let small = Number.POSITIVE_INFINITY
  let large = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 4; turn += 1) {
    small = Math.min(small, await cpuOf(() => run(size)))
    large = Math.min(large, await cpuOf(() => run(2 * size)))
  }
  return large / Math.max(small, 1)
}

async function cpuOf(run: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
