import { TaskError } from '../../errors.ts'
import { type Periodic, periodic } from '../../lifecycle/periodic.ts'
import type { Logger } from '../../logger.ts'

/** How many slots a pool has at least and at most: Celery's `--autoscale max,min`. */
export interface AutoscaleBounds {
  readonly max: number
  readonly min: number
}

/** A pool shrinks once it has had more slots than it needs for this long, as Celery's AUTOSCALE_KEEPALIVE. */
const KEEPALIVE_MS = 30_000
const LOOK_MS = 1_000

interface AutoscalerParts {
  readonly bounds: AutoscaleBounds
  /** Jobs that have a slot, or wait for one. */
  readonly needed: () => number
  readonly slots: () => number
  readonly resize: (slots: number) => void
  readonly keepaliveMs?: number
  readonly logger: Logger
}

/** Gives a pool as many slots as it has work for: more at once, fewer after a while. */
export class Autoscaler {
  readonly #parts: AutoscalerParts
  readonly #keepaliveMs: number
  readonly #looking: Periodic
  #bounds: AutoscaleBounds
  /** When it last had work for all its slots. */
  #busyAt = performance.now()

  constructor(parts: AutoscalerParts) {
    this.#parts = parts
    this.#bounds = parts.bounds
    this.#keepaliveMs = parts.keepaliveMs ?? KEEPALIVE_MS
    this.#looking = periodic(
      () => {
        this.look()
        return Promise.resolve()
      },
      { name: 'scaling the pool', everyMs: LOOK_MS, logger: parts.logger },
    )
  }

  get bounds(): AutoscaleBounds {
    return this.#bounds
  }

  async start(): Promise<void> {
    await this.#looking.start()
  }

  async stop(): Promise<void> {
    await this.#looking.stop()
  }

  /** Other bounds from now on; throws `TaskError` where they are none. */
  change(bounds: Partial<AutoscaleBounds>): AutoscaleBounds {
    const { max = this.#bounds.max, min = this.#bounds.min } = bounds
    this.#bounds = checkedBounds({ max, min })
    const slots = Math.min(Math.max(this.#parts.slots(), min), max)
    if (slots !== this.#parts.slots()) this.#parts.resize(slots)
    return this.#bounds
  }

  /** Compares what there is with what is needed; also called when a job comes. */
  look(): void {
    const { needed, slots, resize, logger } = this.#parts
    const { max, min } = this.#bounds
    const now = slots()
    const wanted = Math.min(Math.max(needed(), min), max)
    if (wanted >= now) this.#busyAt = performance.now()
    const isIdle = performance.now() - this.#busyAt > this.#keepaliveMs
    if (wanted > now || (wanted < now && isIdle)) {
      logger.info({ from: now, to: wanted }, 'pool scaled')
      resize(wanted)
    }
  }
}

/** Throws TASK_INVALID naming what is wrong. */
export function checkedBounds({ max, min }: AutoscaleBounds): AutoscaleBounds {
  for (const [name, value] of Object.entries({ max, min })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new TaskError(
        'TASK_INVALID',
        `autoscale: ${name} is ${String(value)}, expected an integer, 1 or more`,
      )
    }
  }
  if (min > max) {
    throw new TaskError(
      'TASK_INVALID',
      `autoscale: min is ${min} and max is ${max}, expected min to be at most max`,
    )
  }
  return { max, min }
}
