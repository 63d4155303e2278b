import { Float } from '../../codecs/values.ts'
import { STATUS, type StatusCode } from './service-status.ts'

const WINDOW_MS = 6000

interface Change {
  readonly at: number
  readonly code: StatusCode
}

/** Share of the last six seconds in each status; what was before the start counts as 0, constructing. */
export class Utilization {
  readonly #changes: Change[] = [{ at: Number.NEGATIVE_INFINITY, code: STATUS.constructing }]

  enter(code: StatusCode, at = performance.now()): void {
    if (this.#changes.at(-1)?.code !== code) this.#changes.push({ at, code })
  }

  /** By code as text, in the order of their first appearance, as shares rounded to four places. */
  shares(now = performance.now()): ReadonlyMap<string, unknown> {
    const from = now - WINDOW_MS
    while ((this.#changes[1]?.at ?? Number.POSITIVE_INFINITY) <= from) this.#changes.shift()
    const spent = new Map<string, number>()
    for (const [index, { at, code }] of this.#changes.entries()) {
      const until = this.#changes[index + 1]?.at ?? now
      const ms = until - Math.max(at, from)
      spent.set(String(code), (spent.get(String(code)) ?? 0) + ms)
    }
    return new Map([...spent].map(([code, ms]) => [code, rounded(ms / WINDOW_MS)]))
  }
}

/** A float also where it is whole: 1.0, as Python writes it. */
function rounded(share: number): unknown {
  const value = Math.round(share * 10_000) / 10_000
  return Number.isInteger(value) ? new Float(value) : value
}
