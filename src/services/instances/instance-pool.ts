import { type Backoff, backoffDelayMs } from '../../async/backoff.ts'
import { sleep } from '../../async/sleep.ts'
import type { Logger } from '../../logger.ts'

/** One running service: a process. */
export interface Instance {
  /** Resolves with the exit code once it has ended; null where it was killed. */
  readonly ended: Promise<number | null>
  stop(how: { readonly isAtOnce: boolean }): void
}

export interface PoolOptions {
  readonly min: number
  readonly max: number
  readonly start: () => Instance
  /** Messages that wait in the queues of the service; null where that is not known yet. */
  readonly depth: () => Promise<number | null>
  readonly log: Logger
  readonly everyMs?: number
  /** An instance is ended after nothing has waited for so long. */
  readonly idleMs?: number
}

const RESTART: Backoff = { initialMs: 200, factor: 2, maxMs: 5000, jitter: 0 }
/** A death that comes so soon after another one counts with it. */
const SOON_MS = 10_000

/**
 * Keeps between `min` and `max` instances of a service: as long as messages wait at two looks in a row, half as many again
 * are started (one at least); while none waits, they end one after the other. One that is asked to shut down is not
 * replaced; one that dies is, later each time.
 */
export class InstancePool {
  readonly #options: PoolOptions
  readonly #everyMs: number
  readonly #idleMs: number
  readonly #running = new Set<Instance>()
  readonly #leaving = new AbortController()
  #emptySince: number | undefined
  #sawWaiting = false
  #deaths = 0
  #diedAt = Number.NEGATIVE_INFINITY
  #restartAt = 0
  #hasFailed = false
  #least: number

  constructor(options: PoolOptions) {
    this.#options = options
    this.#everyMs = options.everyMs ?? 2000
    this.#idleMs = options.idleMs ?? 30_000
    this.#least = options.min
  }

  get size(): number {
    return this.#running.size
  }

  /** Resolves once it was stopped, or the last instance was asked to shut down: 1 where the last one died. */
  async run(): Promise<0 | 1> {
    // The first one is also asked which queues it takes.
    for (let count = 0; count < Math.max(1, this.#least); count += 1) this.#start()
    try {
      // Not periodic(), whose waits hold no process: with no instance this wait may be all that does.
      while (!this.#leaving.signal.aborted) {
        await sleep(this.#everyMs, this.#leaving.signal)
        await this.#look()
      }
    } catch (error) {
      if (!this.#leaving.signal.aborted) throw error
    }
    await Promise.all([...this.#running].map(async ({ ended }) => await ended))
    return this.#hasFailed ? 1 : 0
  }

  stop({ isAtOnce = false }: { readonly isAtOnce?: boolean } = {}): void {
    this.#leaving.abort(new Error('the instances are being stopped'))
    for (const instance of this.#running) instance.stop({ isAtOnce })
  }

  async #look(): Promise<void> {
    const waiting = await this.#depth()
    if (this.#leaving.signal.aborted) return
    if (waiting === null) return this.#keepLeast()
    if (waiting > 0) {
      this.#emptySince = undefined
      if (this.#sawWaiting) this.#grow(waiting)
      this.#sawWaiting = true
    } else {
      this.#sawWaiting = false
      this.#shrink()
    }
    this.#keepLeast()
  }

  /** A broker that is away changes nothing. */
  async #depth(): Promise<number | null> {
    try {
      return await this.#options.depth()
    } catch (cause) {
      this.#options.log.debug({ err: cause }, 'the queues of the service cannot be inspected')
      return null
    }
  }

  #grow(waiting: number): void {
    const { max, log } = this.#options
    const more = Math.min(waiting, Math.max(1, Math.ceil(this.size / 2)), max - this.size)
    if (more <= 0 || performance.now() < this.#restartAt) return
    log.info({ waiting, instances: this.size + more }, 'messages wait, starting more instances')
    for (let count = 0; count < more; count += 1) this.#start()
  }

  #shrink(): void {
    this.#emptySince ??= performance.now()
    if (this.size <= this.#least || performance.now() - this.#emptySince < this.#idleMs) return
    const last = [...this.#running].at(-1)
    this.#options.log.info({ instances: this.size - 1 }, 'no messages wait, stopping an instance')
    this.#emptySince = performance.now()
    if (last === undefined) return
    this.#running.delete(last)
    last.stop({ isAtOnce: false })
  }

  #keepLeast(): void {
    if (performance.now() < this.#restartAt) return
    while (this.size < this.#least) this.#start()
  }

  #start(): void {
    const instance = this.#options.start()
    this.#running.add(instance)
    void instance.ended.then((code) => {
      if (this.#running.delete(instance)) this.#onEnd(code)
    })
  }

  #onEnd(code: number | null): void {
    if (this.#leaving.signal.aborted) return
    if (code === 0) {
      this.#least = Math.min(this.#least, this.size)
      if (this.size === 0) this.stop()
      return
    }
    const now = performance.now()
    this.#deaths = now - this.#diedAt > SOON_MS ? 1 : this.#deaths + 1
    this.#diedAt = now
    this.#restartAt = now + backoffDelayMs(RESTART, this.#deaths)
    this.#options.log.error({ code, instances: this.size }, 'an instance of the service has died')
    // One that cannot even start will not start the next time.
    if (code !== null && this.size === 0 && this.#deaths > 3) {
      this.#hasFailed = true
      this.stop()
    }
  }
}
