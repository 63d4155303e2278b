import { TaskError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { type AutoscaleBounds, Autoscaler } from './autoscale.ts'
import type { ControlledPool } from './controlled-pool.ts'
import type { Pool, PoolName } from './pool.ts'

interface WorkerPoolsParts {
  /** The pool of tasks that ask for no other. */
  readonly own: PoolName
  /** Slots of its own pool when it starts. */
  readonly concurrency: number
  /** Slots of a pool that only single tasks ask for. */
  readonly besideConcurrency: (pool: PoolName) => number
  readonly autoscale: AutoscaleBounds | null
  readonly maxTasksPerChild: number | null
  readonly open: (name: PoolName) => Pool
  /** Jobs that run in its own pool, or wait for a slot of it. */
  readonly needed: () => number
  /** Called when its own pool has another number of slots. */
  readonly onResized: (concurrency: number) => void
  readonly logger: Logger
}

/** The pools of a worker: its own, whose size can be changed, and those that single tasks ask for. */
export class WorkerPools implements ControlledPool {
  readonly name: PoolName
  readonly #parts: WorkerPoolsParts
  readonly #pools = new Map<PoolName, Pool>()
  readonly #autoscaler: Autoscaler | undefined
  #concurrency: number

  constructor(parts: WorkerPoolsParts) {
    const { own, autoscale, needed, logger } = parts
    this.name = own
    this.#parts = parts
    this.#concurrency = parts.concurrency
    if (autoscale === null) return
    this.#autoscaler = new Autoscaler({
      bounds: autoscale,
      needed,
      slots: () => this.#concurrency,
      resize: (slots) => this.#resize(slots),
      logger,
    })
  }

  get concurrency(): number {
    return this.#concurrency
  }

  get pids(): readonly number[] {
    return this.#pools.get(this.name)?.pids ?? []
  }

  get maxTasksPerChild(): number | null {
    return this.#parts.maxTasksPerChild
  }

  get autoscale(): AutoscaleBounds | null {
    return this.#autoscaler?.bounds ?? null
  }

  /** The slots of all of them. */
  get slots(): number {
    return [...this.#pools.keys()].reduce((sum, name) => sum + this.slotsOf(name), 0)
  }

  slotsOf(name: PoolName): number {
    return name === this.name ? this.#concurrency : this.#parts.besideConcurrency(name)
  }

  /** Opens its own pool, and those that tasks ask for. */
  async start(asked: readonly PoolName[]): Promise<void> {
    const names = [...new Set([this.name, 'async' as const, ...asked])]
    for (const name of names) this.#pools.set(name, this.#parts.open(name))
    await Promise.all(names.map(async (name) => this.of(name).start(this.slotsOf(name))))
    await this.#autoscaler?.start()
  }

  /** Throws TASK_INVALID for one that no task asked for when the worker started. */
  of(name: PoolName): Pool {
    const pool = this.#pools.get(name)
    if (pool !== undefined) return pool
    throw new TaskError('TASK_INVALID', `the pool "${name}" is not open in this worker`)
  }

  grow(by: number): void {
    this.#changeBy('grow', positive('grow', by))
  }

  shrink(by: number): void {
    this.#changeBy('shrink', -positive('shrink', by))
  }

  restart(): void {
    for (const pool of this.#pools.values()) pool.restart()
  }

  scale(bounds: Partial<AutoscaleBounds>): AutoscaleBounds {
    if (this.#autoscaler === undefined) {
      throw new TaskError('TASK_INVALID', 'Autoscale not enabled')
    }
    const changed = this.#autoscaler.change(bounds)
    this.#parts.onResized(this.#concurrency)
    return changed
  }

  /** A job has come: a pool with too few slots need not wait for its next look. */
  look(): void {
    this.#autoscaler?.look()
  }

  async stop(): Promise<void> {
    await this.#autoscaler?.stop()
    await Promise.all([...this.#pools.values()].map(async (pool) => pool.stop()))
  }

  #changeBy(how: 'grow' | 'shrink', by: number): void {
    if (this.#autoscaler !== undefined) {
      throw new TaskError(
        'TASK_INVALID',
        `pool_${how} is not supported with autoscale. Adjust autoscale range instead.`,
      )
    }
    const wanted = this.#concurrency + by
    if (wanted < 1) {
      throw new TaskError(
        'TASK_INVALID',
        `the pool has ${this.#concurrency} slots and cannot ${how} by ${Math.abs(by)}, expected 1 or more to be left`,
      )
    }
    this.#resize(wanted)
  }

  #resize(concurrency: number): void {
    this.#concurrency = concurrency
    this.#pools.get(this.name)?.resize(concurrency)
    this.#parts.onResized(concurrency)
  }
}

function positive(how: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value
  throw new TaskError(
    'TASK_INVALID',
    `${how}: n is ${String(value)}, expected an integer, 1 or more`,
  )
}
