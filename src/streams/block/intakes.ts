import { type Deferred, deferred } from '../../async/deferred.ts'
import type { Logger } from '../../logger.ts'
import type { ListenerLike } from '../parts/listener.ts'
import type { Received } from '../parts/received.ts'
import { Intake } from './intake.ts'

interface IntakesParts {
  readonly block: string
  readonly log: Logger
  /** The most messages of one listener that may be unsettled. */
  readonly limit: number
  readonly admit: (received: Received, from: Intake) => Promise<void> | undefined
  readonly onFailed: (intake: Intake, error: unknown) => void
}

/** The listeners of a run, each with its intake. The sources are over with the last of them. */
export class Intakes {
  readonly #parts: IntakesParts
  readonly #open = new Map<ListenerLike, { intake: Intake; ended: Promise<void> }>()
  /** All that have not let go of their connection, ended ones too. */
  readonly #unclosed = new Set<Intake>()
  readonly #over: Deferred<void> = deferred()
  #isStopping = false

  constructor(parts: IntakesParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#open.size
  }

  /** Resolves once the listener hears what is sent from now on. */
  async add(listener: ListenerLike): Promise<void> {
    const { block, log, limit, admit, onFailed } = this.#parts
    const intake = new Intake({ block, listener, log: log.child({ block }), limit, admit })
    this.#unclosed.add(intake)
    void intake.whenClosed.then(() => this.#unclosed.delete(intake))
    if (this.#isStopping) intake.stop()
    const ended = intake.run().catch((error: unknown) => onFailed(intake, error))
    this.#open.set(listener, { intake, ended })
    void ended.then(() => this.#onEnded(listener))
    await intake.whenReady
  }

  async remove(listener: ListenerLike): Promise<void> {
    const found = this.#open.get(listener)
    found?.intake.stop()
    await found?.ended
  }

  /** Takes nothing new; the sources are over. */
  stop(): void {
    this.#isStopping = true
    for (const { intake } of this.#open.values()) intake.stop()
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
    if (isForced) await Promise.all(unclosed.map((intake) => intake.close()))
    else await Promise.all(unclosed.map((intake) => intake.whenClosed))
  }

  /** The block ends with the last of its listeners. */
  #onEnded(listener: ListenerLike): void {
    this.#open.delete(listener)
    if (this.#open.size === 0) this.#over.resolve()
  }
}
