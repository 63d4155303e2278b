import { type Backoff, backoffDelayMs } from '../async/backoff.ts'
import { deferred } from '../async/deferred.ts'
import { startTimer } from '../async/timer.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { type Service, service } from './service.ts'

interface PeriodicOptions {
  /** The work, as the log names it: "looking for lost tasks". */
  readonly name: string
  /** From the end of one turn to the beginning of the next. */
  readonly everyMs: number
  /** Until the first turn. Default 0: at once. */
  readonly firstAfterMs?: number
  /** The part of each wait that is left to chance, 0 to 1, so that many processes do not work in step. Default 0. */
  readonly jitter?: number
  /** The service is ready only after the first turn; if that fails, so does the start. Default false. */
  readonly startsWithTurn?: boolean
  /** From the end of a turn that failed, and of others that failed before it, to the next one. Default: `everyMs`. */
  readonly backoff?: Backoff
  readonly logger?: Logger
}

/** A turn of the work. A number is the time until the next turn, where that is not `everyMs`. */
type PeriodicWork = (signal: AbortSignal) => Promise<number | undefined> | Promise<void>

export interface Periodic extends Service {
  /** Takes the next turn at once; where one is under way, right after it. */
  wake(): void
}

/**
 * A service that does the same work again and again, one turn at a time. A turn that fails is logged once, and again
 * when the work has recovered. A stop waits for the turn under way, whose signal is aborted.
 */
export function periodic(work: PeriodicWork, options: PeriodicOptions): Periodic {
  const { name, everyMs, firstAfterMs = 0, startsWithTurn = false } = options
  const clock = new Clock(options.jitter ?? 0)
  const turns = new Turns(work, options)
  let running: Promise<void> = Promise.resolve()
  const run = async (signal: AbortSignal): Promise<void> => {
    if (!startsWithTurn) await clock.wait(firstAfterMs, signal)
    else await clock.wait(everyMs, signal)
    while (!signal.aborted) await clock.wait((await turns.take(signal)) ?? everyMs, signal)
  }
  const it = service({
    name,
    start: async ({ signal }) => {
      if (startsWithTurn) await work(signal)
      running = run(signal)
    },
    stop: async () => running,
  })
  return Object.assign(it, { wake: () => clock.wake() })
}

/** Takes turns, and logs when they begin to fail and when they work again. */
class Turns {
  readonly #work: PeriodicWork
  readonly #name: string
  readonly #logger: Logger
  readonly #backoff: Backoff | undefined
  #failures = 0

  constructor(work: PeriodicWork, { name, backoff, logger = silentLogger }: PeriodicOptions) {
    this.#work = work
    this.#name = name
    this.#logger = logger
    this.#backoff = backoff
  }

  async take(signal: AbortSignal): Promise<number | undefined> {
    try {
      const nextAfterMs = (await this.#work(signal)) ?? undefined
      if (this.#failures > 0) this.#logger.info({ job: this.#name }, 'periodic job recovered')
      this.#failures = 0
      return nextAfterMs
    } catch (error) {
      if (this.#failures === 0 && !signal.aborted) {
        this.#logger.warn({ job: this.#name, err: error }, 'periodic job failed, trying again')
      }
      this.#failures += 1
      return this.#backoff && backoffDelayMs(this.#backoff, this.#failures)
    }
  }
}

/** Waits that can be cut short. A wake while nothing waits counts for the next wait. */
class Clock {
  readonly #jitter: number
  #woken = deferred()

  constructor(jitter: number) {
    this.#jitter = jitter
  }

  wake(): void {
    this.#woken.resolve()
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const onAbort = (): void => this.wake()
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = startTimer(ms * (1 - this.#jitter * Math.random()), onAbort).unref()
    await this.#woken.promise
    timer.clear()
    signal.removeEventListener('abort', onAbort)
    this.#woken = deferred()
  }
}
