/** What a label says of all values past the limit. */
const OTHER = 'other'

/** Keeps a label from taking more values than a metrics store can bear: the first come are named. */
export class BoundedLabels {
  readonly #most: number
  readonly #known = new Set<string>()

  constructor(most = 200) {
    this.#most = most
  }

  of(value: string | null): string {
    if (value === null || value === '') return 'unknown'
    if (this.#known.has(value)) return value
    if (this.#known.size >= this.#most) return OTHER
    this.#known.add(value)
    return value
  }
}
