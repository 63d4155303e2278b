import type { Delivery } from '../../brokers/broker.ts'
import type { MessageLimits } from '../../codecs/limits.ts'
import { EVENTS_HEADER } from '../../protocol/events/events.ts'
import { eventRecord } from '../events/event-record.ts'
import type { WorkerClocks } from '../events/worker-clocks.ts'
import { TaskEventSenders } from '../events/worker-entry.ts'
import { mirrorRecordOf } from '../mirror/mirror-record.ts'
import type { WorkQueues } from '../mirror/work-queues.ts'
import type { Privacy } from '../privacy/privacy.ts'
import type { Ingested } from './ingested.ts'

interface DecoderOptions {
  readonly platformQueue: string
  readonly queues: WorkQueues
  readonly privacy: Privacy
  readonly clocks: WorkerClocks
  readonly limits: MessageLimits
  readonly onRead: (one: Ingested) => void
}

/** Makes of each delivery what is to be written. */
export class Decoder {
  readonly #options: DecoderOptions
  /** Messages that are being expanded, or read in slices. */
  readonly #expanding = new Set<Promise<void>>()
  readonly #senders = new TaskEventSenders()
  #lastMs = 0

  constructor(options: DecoderOptions) {
    this.#options = options
  }

  read(delivery: Delivery): void {
    const { onRead } = this.#options
    const read = this.#decoded(delivery)
    if (!(read instanceof Promise)) {
      onRead(read)
      return
    }
    const added = read.then(onRead).finally(() => this.#expanding.delete(added))
    this.#expanding.add(added)
  }

  /** Resolves once all that was taken is read. */
  async drained(): Promise<void> {
    await Promise.all(this.#expanding)
  }

  /** Events have a queue of their own; where the broker has none for them, they come with the copies. */
  #decoded(delivery: Delivery): Ingested | Promise<Ingested> {
    const { platformQueue, queues, privacy, limits } = this.#options
    const { queue, message } = delivery
    const options = { privacy, limits, receivedAtMs: this.#nextMs() }
    const isCopy = queue === platformQueue && message.headers[EVENTS_HEADER] === undefined
    return isCopy
      ? mirrorRecordOf(delivery, queues, options)
      : eventRecord(delivery, { ...options, senders: this.#senders, clocks: this.#options.clocks })
  }

  /** No two the same: messages of one millisecond keep their order, even if they are written in another. */
  #nextMs(): number {
    const nowMs = Date.now()
    const isSame = this.#lastMs >= nowMs && this.#lastMs < nowMs + 1
    this.#lastMs = isSame ? this.#lastMs + 0.001 : nowMs
    return this.#lastMs
  }
}
