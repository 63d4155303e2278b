/** What a suspended flow waits for: a moment or signals, whichever comes first. */
export interface FlowWait {
  /** Milliseconds since 1970. */
  readonly until?: number
  readonly signals: readonly string[]
}

/** What one atom waits for. */
export interface AtomWait {
  readonly until?: number | undefined
  readonly signal?: string | undefined
}

export function flowWaitOf(waits: Iterable<AtomWait>): FlowWait {
  const all = [...waits]
  const moments = all.flatMap(({ until }) => until ?? [])
  const signals = [...new Set(all.flatMap(({ signal }) => signal ?? []))]
  return moments.length === 0
    ? { signals }
    : { until: moments.reduce((a, b) => Math.min(a, b)), signals }
}
