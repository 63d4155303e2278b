/**
 * The Burrows-Wheeler transform: the last column of all rotations of the text in order, and which of them is the
 * text itself.
 */
export function transform(text: Uint8Array): {
  readonly column: Uint8Array
  readonly start: number
} {
  const order = sortedRotations(text)
  const column = Uint8Array.from(order, (at) => text[at === 0 ? text.length - 1 : at - 1] ?? 0)
  return { column, start: order.indexOf(0) }
}

/** Ranks rotations by their first byte, and then by twice as many bytes each round, until no two are equal. */
function sortedRotations(text: Uint8Array): Int32Array {
  const size = text.length
  let order = sortByRank(Int32Array.from(text.keys()), Int32Array.from(text), 256)
  let ranks: Int32Array = rankedAnew(order, Int32Array.from(text), 0)
  for (let width = 1; width < size; width *= 2) {
    const rankCount = (ranks[order[size - 1] ?? 0] ?? 0) + 1
    if (rankCount === size) break
    // The order by the second half is known already: it is that of the rotations this far on.
    const bySecondHalf = order.map((at) => (at >= width ? at - width : at - width + size))
    order = sortByRank(bySecondHalf, ranks, rankCount)
    ranks = rankedAnew(order, ranks, width)
  }
  return order
}

/** A counting sort, which keeps equals in their order. */
function sortByRank(places: Int32Array, ranks: Int32Array, rankCount: number): Int32Array {
  const starts = new Int32Array(rankCount + 1)
  for (const place of places) {
    const next = (ranks[place] ?? 0) + 1
    starts[next] = (starts[next] ?? 0) + 1
  }
  for (let rank = 0; rank < rankCount; rank += 1)
    starts[rank + 1] = (starts[rank + 1] ?? 0) + (starts[rank] ?? 0)
  const sorted = new Int32Array(places.length)
  for (const place of places) {
    const rank = ranks[place] ?? 0
    const at = starts[rank] ?? 0
    sorted[at] = place
    starts[rank] = at + 1
  }
  return sorted
}

/** Ranks by both halves; rotations equal in both share a rank. */
function rankedAnew(order: Int32Array, ranks: Int32Array, width: number): Int32Array {
  const size = order.length
  const renewed = new Int32Array(size)
  let [rank, before] = [-1, -1]
  for (const at of order) {
    const isEqual =
      before >= 0 &&
      ranks[at] === ranks[before] &&
      ranks[(at + width) % size] === ranks[(before + width) % size]
    if (!isEqual) rank += 1
    renewed[at] = rank
    before = at
  }
  return renewed
}
