import { type Deferred, deferred } from '../../async/deferred.ts'
import type { Logger } from '../../logger.ts'
import type { ListenerLike } from '../parts/listener.ts'
import type { Received } from '../parts/received.ts'
import { RunningListener } from './running-listener.ts'

interface RunningListenersParts {
  readonly block: string
  readonly log: Logger
  /** The most messages of one listener that may be unsettled. */
  readonly limit: number
  readonly admit: (received: Received, from: RunningListener) => Promise<void> | undefined
  readonly onFailed: (running: RunningListener, error: unknown) => void
}

/** The listeners of a run. The sources are over with the last of them. */
export class RunningListeners {
  readonly #parts: RunningListenersParts
  readonly #open = new Map<ListenerLike, { running: RunningListener; ended: Promise<void> }>()
  /** All that have not let go of their connection, ended ones too. */
  readonly #unclosed = new Set<RunningListener>()
  readonly #over: Deferred<void> = deferred()
  #isStopping = false

  constructor(parts: RunningListenersParts) {
    this.#parts = parts
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  get size(): number {
    return this.#open.size
  }

  /** Resolves once the listener hears what is sent from now on. */
  async add(listener: ListenerLike): Promise<void> {
    const { block, log, limit, admit, onFailed } = this.#parts
    const running = new RunningListener({
      block,
      listener,
      log: log.child({ block }),
      limit,
      admit,
    })
    this.#unclosed.add(running)
    void running.whenClosed.then(() => this.#unclosed.delete(running))
    if (this.#isStopping) running.stop()
    const ended = running.run().catch((error: unknown) => onFailed(running, error))
    this.#open.set(listener, { running, ended })
    void ended.then(() => this.#onEnded(listener))
    await running.whenReady
  }

  async remove(listener: ListenerLike): Promise<void> {
    const found = this.#open.get(listener)
    found?.running.stop()
    await found?.ended
  }

  /** Takes nothing new; the sources are over. */
  stop(): void {
    this.#isStopping = true
    for (const { running } of this.#open.values()) running.stop()
    this.#over.resolve()
  }

  /** Resolves once the sources are over and all listeners have ended. */
  async ended(): Promise<void> {
    await this.#over.promise
    await Promise.all([...this.#open.values()].map(({ ended }) => ended))
  }

  /** Ended ones close by themselves once all is settled; after a stop by force they close as they are. */
  async close({ isForced }: { readonly isForced: boolean }): Promise<void> {
    const unclosed = [...this.#unclosed]
    if (isForced) await Promise.all(unclosed.map((running) => running.close()))
    else await Promise.all(unclosed.map((running) => running.whenClosed))
  }

  /** The block ends with the last of its listeners. */
  #onEnded(listener: ListenerLike): void {
    this.#open.delete(listener)
    if (this.#open.size === 0) this.#over.resolve()
  }
}
