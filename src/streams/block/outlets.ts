import { StreamError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import { Publisher, type PublisherLike, publisherName } from '../parts/publisher.ts'
import type { Result } from './lane.ts'
import { Outlet } from './outlet.ts'
import type { BlockSettings } from './settings.ts'

interface OutletsParts {
  readonly block: string
  readonly settings: BlockSettings
  readonly log: Logger
  /** Aborted when the block has to end at once. */
  readonly signal: AbortSignal
  readonly onPublished: (outlet: Outlet) => void
  readonly onDrop: (outlet: Outlet) => void
  readonly onFatal: (error: Error) => void
}

/** The publishers of a running block. */
export class Outlets implements Iterable<Outlet> {
  readonly #parts: OutletsParts
  readonly #outlets = new Map<PublisherLike, Outlet>()
  #isClosed = false

  constructor(parts: OutletsParts) {
    this.#parts = parts
  }

  [Symbol.iterator](): Iterator<Outlet> {
    return this.#outlets.values()
  }

  /** Throws once all have opened or failed: those that opened can be closed then. */
  async openAll(publishers: Iterable<PublisherLike>): Promise<void> {
    const opened = await Promise.allSettled([...publishers].map((each) => this.add(each)))
    for (const each of opened) if (each.status === 'rejected') throw each.reason
  }

  async add(publisher: PublisherLike): Promise<void> {
    const { block, log, signal, settings, onPublished, onDrop, onFatal } = this.#parts
    const sink =
      publisher instanceof Publisher
        ? await (publisher as Publisher).open({ block, log, signal })
        : publisher
    if (this.#isClosed) {
      await sink.close?.()
      return
    }
    const outlet = new Outlet({
      name: publisherName(publisher),
      block,
      sink,
      settings,
      log,
      signal,
      onPublished: () => onPublished(outlet),
      onDrop: () => onDrop(outlet),
      onFatal,
    })
    this.#outlets.set(publisher, outlet)
  }

  async remove(publisher: PublisherLike): Promise<void> {
    const outlet = this.#outlets.get(publisher)
    this.#outlets.delete(publisher)
    await outlet?.close()
  }

  /** Hands a result to all of them; undefined where none is full. */
  offer(result: Result): Promise<void> | undefined {
    let waiting: Promise<unknown> | undefined
    for (const outlet of this) {
      const full = outlet.offer(result)
      if (full !== undefined) waiting = waiting === undefined ? full : Promise.all([waiting, full])
    }
    return waiting?.then(() => undefined)
  }

  /** Gives up results that are not sent yet. */
  abandon(): void {
    for (const outlet of this) outlet.abandon()
  }

  /** Sends what waits and closes each of them, also where others fail. Answers what failed. */
  async close(): Promise<StreamError[]> {
    this.#isClosed = true
    const outlets = [...this]
    const closed = await Promise.allSettled(outlets.map((outlet) => outlet.close()))
    return closed.flatMap((each, index) =>
      each.status === 'rejected' ? this.#notClosed(outlets[index]?.name, each.reason) : [],
    )
  }

  #notClosed(publisher: string | undefined, cause: unknown): StreamError {
    const why = textOfError(cause)
    return new StreamError(
      'STREAM_PUBLISH_FAILED',
      `block "${this.#parts.block}": publisher ${publisher} did not close: ${why}`,
      { cause },
    )
  }
}
