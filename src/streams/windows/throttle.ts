import { Semaphore } from '../../async/semaphore.ts'
import { sleep } from '../../async/sleep.ts'
import { ConfigurationError } from '../../errors.ts'
import { Operator } from '../parts/operator.ts'
import type { OperatorContext } from '../parts/operator-context.ts'
import { checkCount } from './batch.ts'

interface ThrottleOptions {
  /** Leaves messages out instead of having them wait. Default false. */
  readonly drop?: boolean
}

/** At most `count` messages in each `ms`; the others wait, and hold back their source. */
export function throttle<T = unknown>(
  count: number,
  ms: number,
  { drop = false }: ThrottleOptions = {},
): Operator<T, T> {
  checkCount('throttle', count)
  if (!(ms > 0)) throw new ConfigurationError(`throttle: ms is ${String(ms)}, expected more than 0`)
  return new Throttle({ count, ms, drop }) as Operator as Operator<T, T> // it gives what it is given
}

class Throttle extends Operator {
  readonly #count: number
  readonly #ms: number
  readonly #drop: boolean
  /** One message waits at a time, also where the block works on several. */
  readonly #turns = new Semaphore(1)
  /** When the last messages passed, oldest first. */
  #passed: number[] = []

  constructor({
    count,
    ms,
    drop,
  }: { readonly count: number; readonly ms: number; readonly drop: boolean }) {
    super()
    this.#count = count
    this.#ms = ms
    this.#drop = drop
  }

  override get name(): string {
    return 'throttle'
  }

  process(message: unknown, { signal }: OperatorContext): unknown {
    if (!this.#drop) return this.#turns.run(async () => await this.#passLater(message, signal))
    return this.#waitMs() > 0 ? undefined : this.#pass(message)
  }

  async #passLater(message: unknown, signal: AbortSignal): Promise<unknown> {
    for (let ms = this.#waitMs(); ms > 0 && !signal.aborted; ms = this.#waitMs()) {
      await sleep(ms, signal).catch(() => undefined) // at a stop by force the rest passes at once
    }
    return this.#pass(message)
  }

  #waitMs(): number {
    const oldest = this.#passed.length < this.#count ? undefined : this.#passed[0]
    return oldest === undefined ? 0 : oldest + this.#ms - performance.now()
  }

  #pass(message: unknown): unknown {
    this.#passed = [...this.#passed, performance.now()].slice(-this.#count)
    return message
  }
}
