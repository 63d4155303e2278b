/** setTimeout counts in 32 bits: a longer delay fires after one millisecond. */
const LONGEST_STEP_MS = 2 ** 31 - 1

/** The delay for a driver, whose own timers would fire at once, or throw, beyond 24.8 days. */
export function driverTimeoutMs(ms: number): number {
  return Math.min(ms, LONGEST_STEP_MS)
}

/** A timer that can be stopped; `unref` lets the process end before it fires. */
export interface Timer {
  clear(): void
  unref(): Timer
}

/**
 * Calls `act` once, after any number of milliseconds: longer than 24.8 days in steps, never for Infinity, at once for
 * what is no positive number. Every delay that is not written down as a number goes through here.
 */
export function startTimer(ms: number, act: () => void): Timer {
  return new SteppedTimer(ms, act)
}

/** Calls `act` again and again, `ms` after the last time; never for Infinity. */
export function startInterval(ms: number, act: () => void): Timer {
  const everyMs = Math.max(1, ms)
  const timer = new SteppedTimer(everyMs, () => {
    timer.start(everyMs)
    act()
  })
  return timer
}

class SteppedTimer implements Timer {
  readonly #act: () => void
  #step: NodeJS.Timeout | undefined
  #holdsProcess = true

  constructor(ms: number, act: () => void) {
    this.#act = act
    this.start(ms)
  }

  start(ms: number): void {
    if (ms === Number.POSITIVE_INFINITY) return
    const stepMs = Math.min(Math.max(0, ms), LONGEST_STEP_MS)
    const next = ms > LONGEST_STEP_MS ? () => this.start(ms - LONGEST_STEP_MS) : this.#act
    this.#step = setTimeout(next, stepMs)
    if (!this.#holdsProcess) this.#step.unref()
  }

  clear(): void {
    clearTimeout(this.#step)
  }

  unref(): Timer {
    this.#holdsProcess = false
    this.#step?.unref()
    return this
  }
}

/** A clock may be set while we wait for a time on it, so it is looked at this often. */
const LOOK_AT_CLOCK_MS = 1000

/** Calls `act` once the system's clock shows `at` (epoch ms), also where the clock is set meanwhile, and set back. */
export function startClockTimer(at: number, act: () => void): Timer {
  const waitMs = (): number => Math.min(LOOK_AT_CLOCK_MS, at - Date.now())
  const timer = new SteppedTimer(waitMs(), () => {
    if (Date.now() >= at) act()
    else timer.start(waitMs())
  })
  return timer
}
