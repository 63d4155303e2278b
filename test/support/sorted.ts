/** A copy of the texts in alphabetical order: for lists whose order does not matter. */
export function sorted(texts: Iterable<string>): readonly string[] {
  return [...texts].toSorted((one, other) => (one < other ? -1 : Number(one > other)))
}
