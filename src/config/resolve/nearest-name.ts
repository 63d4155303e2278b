/** The name most like the given one, or undefined where none is like it, or needs more than `most` letters changed. */
export function nearestName(
  name: string,
  names: readonly string[],
  most = Number.POSITIVE_INFINITY,
): string | undefined {
  const wanted = snakeCase(name)
  const furthest = Math.min(most, Math.max(2, Math.floor(wanted.length / 3)))
  let best: string | undefined
  let bestDistance = furthest + 1
  for (const candidate of names) {
    const other = snakeCase(candidate)
    // Each letter that one has more than the other is a change: most names need no closer look.
    if (Math.abs(other.length - wanted.length) >= bestDistance) continue
    const distance = editDistance(wanted, other)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

/** Levenshtein's: how many letters must be put in, taken out or changed. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1]
    for (const [column, other] of [...to].entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
