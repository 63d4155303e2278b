import { randomUUID } from 'node:crypto'
import { asError } from '../../as-error.ts'
import { StreamError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import {
  type MessageTrace,
  messageTracer,
  type TraceMessage,
} from '../../telemetry/traces/trace-message.ts'
import { textOfError } from '../../text-of-error.ts'
import type { ListenerLike } from '../parts/listener.ts'
import type { Operator } from '../parts/operator.ts'
import type { PublisherLike } from '../parts/publisher.ts'
import type { Received } from '../parts/received.ts'
import { BoundedQueue, QUEUE_LIMIT } from './bounded-queue.ts'
import { type BlockObserver, Counts } from './counts.ts'
import { DropLog } from './drop-log.ts'
import { Entry, type Fate } from './entry.ts'
import { type LaneHost, type Result, RunLane } from './lane.ts'
import { laneOf } from './lane-of.ts'
import type { Outlet } from './outlet.ts'
import { Outlets } from './outlets.ts'
import type { RunningListener } from './running-listener.ts'
import { RunningListeners } from './running-listeners.ts'
import type { BlockSettings } from './settings.ts'
import { Settlements } from './settlements.ts'

interface RunParts {
  readonly name: string
  readonly operator: Operator
  readonly settings: BlockSettings
  readonly log: Logger
  readonly observer: BlockObserver
}

/** How long work that does not heed its signal is waited for after the deadline. */
const STUBBORN_MS = 1_000

/** A block from one start to its stop: listeners → queue → lanes → publishers, and each message settled at the end. */
export class Run implements LaneHost {
  readonly id = randomUUID()
  readonly name: string
  readonly operatorName: string
  readonly settings: BlockSettings
  readonly log: Logger
  readonly counts = new Counts()
  readonly queue: BoundedQueue<Entry>
  readonly #parts: RunParts
  readonly #listeners: RunningListeners
  readonly #outlets: Outlets
  readonly #ending = new AbortController()
  readonly #settlements: Settlements
  readonly #drops: DropLog
  #failure: Error | undefined
  #trace: TraceMessage | undefined
  #number = 0

  constructor(parts: RunParts) {
    this.#parts = parts
    this.name = parts.name
    this.operatorName = parts.operator.name
    this.settings = parts.settings
    this.log = parts.log
    this.#drops = new DropLog(parts.log)
    this.#settlements = new Settlements(parts.log)
    this.#listeners = new RunningListeners({
      block: parts.name,
      log: parts.log,
      limit: (parts.settings.queue.limit ?? QUEUE_LIMIT) + parts.operator.holds,
      admit: (received, from) => this.#admit(received, from),
      onFailed: (listener, error) => this.#onListenerFailed(listener, error),
    })
    this.#outlets = new Outlets({
      block: parts.name,
      settings: parts.settings,
      log: parts.log,
      signal: this.#ending.signal,
      onPublished: (outlet) => this.#onPublished(outlet),
      onDrop: (outlet) => this.#onDropped(outlet.name),
      onFatal: (error) => this.fail(error),
    })
    this.queue = new BoundedQueue(parts.settings.queue, (entry) => this.#drop('queue', entry))
  }

  /** Aborted when the run has to end at once. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Its sources are over: nothing new is taken. */
  get isStopping(): boolean {
    return this.#listeners.isStopping
  }

  get outlets(): Iterable<Outlet> {
    return this.#outlets
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** How long the oldest message has waited for the operator. */
  get lagMs(): number {
    const oldest = this.queue.oldest
    return oldest === undefined ? 0 : performance.now() - oldest.admittedAt
  }

  /** Publishers first, so that no result finds its way closed. */
  async open(publishers: Iterable<PublisherLike>): Promise<void> {
    this.#trace = await messageTracer()
    try {
      await this.#outlets.openAll(publishers)
      await this.#parts.operator.open?.(new RunLane(this, undefined).context)
    } catch (error) {
      this.#ending.abort()
      await this.#closeOutlets()
      throw error
    }
  }

  /** Starts the work; resolves once every listener hears what is sent from now on. */
  async begin(listeners: Iterable<ListenerLike>): Promise<void> {
    await Promise.all([...listeners].map((listener) => this.addListener(listener)))
  }

  /** Resolves when the sources have ended and every message that was taken is settled; rejects with the error that ended the run. */
  async work(): Promise<void> {
    const lanes = this.#startLanes()
    await this.#listeners.ended()
    this.queue.close()
    await this.#orForced(lanes)
    this.#giveBackWaiting()
    await this.#orForced(this.#closeOutlets())
    this.#outlets.abandon()
    await this.#orForced(this.#settlements.all())
    await this.#orForced(this.#listeners.close({ isForced: this.signal.aborted }))
    await this.#closeOperator()
    this.#drops.flush()
    if (this.#failure !== undefined) throw this.#failure
  }

  async addListener(listener: ListenerLike): Promise<void> {
    await this.#listeners.add(listener)
  }

  async removeListener(listener: ListenerLike): Promise<void> {
    await this.#listeners.remove(listener)
  }

  async addPublisher(publisher: PublisherLike): Promise<void> {
    await this.#outlets.add(publisher)
  }

  async removePublisher(publisher: PublisherLike): Promise<void> {
    await this.#outlets.remove(publisher)
  }

  /** Takes nothing new; what was taken is worked on. */
  endSources(): void {
    this.#listeners.stop()
  }

  /** Ends at once: each message that is not finished goes back to its source. */
  force(): void {
    this.#ending.abort()
    this.endSources()
    this.queue.close()
    this.#giveBackWaiting()
    this.#outlets.abandon()
  }

  /** The first error counts. What waits goes back to its source; what was worked on is published. */
  fail(error: Error): void {
    this.#failure ??= error
    this.endSources()
    this.queue.close()
    this.#giveBackWaiting()
  }

  offer(result: Result): Promise<void> | undefined {
    return this.#outlets.offer(result)
  }

  observe(ms: number): void {
    this.counts.processed += 1
    this.counts.busyMs += ms
    this.#parts.observer.onProcessed?.(this.operatorName, ms)
  }

  #startLanes(): Promise<unknown> {
    const { concurrency, partitionBy } = this.settings
    const lanes = Array.from({ length: concurrency }, (_, index) => {
      const lane = new RunLane(this, partitionBy === undefined ? undefined : index)
      return this.#parts.operator.work(lane).catch((error: unknown) => lane.broke(error))
    })
    return Promise.all(lanes)
  }

  #admit(received: Received, listener: RunningListener): Promise<void> | undefined {
    this.#number += 1
    this.counts.received += 1
    if (received.isRepeated) this.counts.repeated += 1
    this.#parts.observer.onReceived?.(listener.name, received.size)
    const { concurrency, ordered, partitionBy } = this.settings
    const placed =
      partitionBy === undefined ? undefined : laneOf(received, partitionBy, concurrency)
    const entry = new Entry({
      received: placed?.received ?? received,
      source: listener,
      number: this.#number,
      lane: placed?.lane,
      trace: this.#trace && this.#traceOf(received, listener.name, this.#trace),
      before: concurrency > 1 && ordered && partitionBy === undefined ? listener.last : undefined,
      onSettled: this.#settle,
    })
    if (concurrency > 1) listener.last = entry
    return this.queue.put(entry)?.then((isTaken) => {
      if (!isTaken) entry.giveBack()
    })
  }

  #traceOf({ headers }: Received, listener: string, trace: TraceMessage): MessageTrace {
    return trace(`process ${this.name}`, {
      headers,
      attributes: {
        'stream.block': this.name,
        'stream.operator': this.operatorName,
        'stream.listener': listener,
      },
    })
  }

  readonly #settle = (entry: Entry, fate: Fate): void => {
    if (fate === 'failed') {
      const error = entry.failure as Error // a fate of failed is given by a failure alone
      this.counts.failed += 1
      this.log.error({ err: error, block: this.name, message: entry.number }, 'message failed')
      this.#parts.observer.onFailed?.(error)
    }
    if (fate === 'given-back') this.counts.givenBack += 1
    this.#settlements.settle(entry, fate)
    entry.source.onSettled()
  }

  #onListenerFailed(listener: RunningListener, cause: unknown): void {
    const error = new StreamError(
      'STREAM_LISTENER_FAILED',
      `block "${this.name}": listener ${listener.name} failed: ${textOfError(cause)}`,
      { cause },
    )
    this.log.error({ err: error, block: this.name, listener: listener.name }, 'listener failed')
    if (this.settings.onError.afterwards === 'stop') this.fail(error)
    else this.#failure ??= error
  }

  #onPublished(outlet: Outlet): void {
    this.counts.published += 1
    this.#parts.observer.onPublished?.(outlet.name)
  }

  #drop(place: string, entry: Entry): void {
    entry.pass()
    entry.close()
    this.#onDropped(place)
  }

  #onDropped(place: string): void {
    this.counts.dropped += 1
    this.#drops.add(place)
    this.#parts.observer.onDropped?.(place)
  }

  #giveBackWaiting(): void {
    for (const entry of this.queue.drain()) entry.giveBack()
  }

  async #closeOutlets(): Promise<void> {
    for (const error of await this.#outlets.close()) this.#noteFailure(error)
  }

  async #closeOperator(): Promise<void> {
    try {
      await this.#parts.operator.close?.()
    } catch (error) {
      this.#noteFailure(error)
    }
  }

  /** The first error ends the run, once all is closed; the others are in the log alone. */
  #noteFailure(error: unknown): void {
    this.log.error({ err: error, block: this.name }, 'block did not close cleanly')
    this.#failure ??= asError(error)
  }

  /** The work, or its end by force, from where it is waited for a moment only. */
  async #orForced(work: Promise<unknown>): Promise<void> {
    const forced = new Promise<void>((resolve) => {
      const onAbort = (): void => void setTimeout(resolve, STUBBORN_MS).unref()
      if (this.signal.aborted) onAbort()
      else this.signal.addEventListener('abort', onAbort, { once: true })
    })
    await Promise.race([work, forced])
  }
}
