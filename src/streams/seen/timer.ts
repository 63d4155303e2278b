/** Seconds of each wrapped function in one event. */
type TimerRow = Readonly<Record<string, number>>

type AnyFunction = (...args: never[]) => unknown

/** Times named functions, event by event: arroyopy's `timer`, for async functions too. */
export interface Timer {
  /** The function, timed under `name` (default: its own); an async one until it has resolved. */
  wrap<Work extends AnyFunction>(work: Work, name?: string): Work
  /** Ends the event: its row is complete, and the next one begins. */
  endEvent(): void
  reset(): void
  readonly rows: readonly TimerRow[]
  /** All events as text: a column for each function, in milliseconds. */
  table(): string
  toString(): string
}

export function timer(): Timer {
  return new EventTimer()
}

class EventTimer implements Timer {
  #rows: TimerRow[] = []
  #current: Record<string, number> = {}

  get rows(): readonly TimerRow[] {
    return Object.keys(this.#current).length === 0 ? this.#rows : [...this.#rows, this.#current]
  }

  wrap<Work extends AnyFunction>(work: Work, name = work.name || 'anonymous'): Work {
    const note = (startedAt: number): void => {
      this.#current[name] = (performance.now() - startedAt) / 1_000
    }
    const timed = (...args: never[]): unknown => {
      const startedAt = performance.now()
      const result = work(...args)
      if (result instanceof Promise) return result.finally(() => note(startedAt))
      note(startedAt)
      return result
    }
    return timed as Work // it takes and gives what the function does
  }

  endEvent(): void {
    this.#rows.push(this.#current)
    this.#current = {}
  }

  reset(): void {
    this.#rows = []
    this.#current = {}
  }

  table(): string {
    const { rows } = this
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
    const lines = [
      ['event', ...names.map((name) => `${name} (ms)`)],
      ...rows.map((row, index) => [
        String(index + 1),
        ...names.map((name) => (row[name] === undefined ? '' : (row[name] * 1_000).toFixed(3))),
      ]),
    ]
    const widths = (lines[0] ?? []).map((_, at) =>
      Math.max(...lines.map((line) => line[at]?.length ?? 0)),
    )
    return lines
      .map((line) => line.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  '))
      .join('\n')
  }

  toString(): string {
    return this.table()
  }
}
