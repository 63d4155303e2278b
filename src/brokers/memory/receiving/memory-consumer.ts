import { startTimer, type Timer } from '../../../async/timer.ts'
import type { Logger } from '../../../logger.ts'
import type { ConsumeOptions, ConsumerProblem, Delivery, Subscription } from '../../broker.ts'
import { queueMissing } from '../../broker-errors.ts'
import { handOver } from '../../hand-over.ts'
import { ProblemReport } from '../../problem-report.ts'
import type { MemoryQueue, QueueConsumer } from '../server/memory-queue.ts'
import type { QueueEntry } from '../server/stored-message.ts'
import { HeldDeliveries } from './memory-delivery.ts'

const AGAIN_MS = 200

interface MemoryConsumerParts {
  readonly queueName: string
  readonly options: ConsumeOptions
  readonly onDelivery: (delivery: Delivery) => void
  readonly log: Logger
  readonly safeUrl: string
  /** Finds the queue, or brings it back where it is known. */
  readonly findQueue: () => MemoryQueue | undefined
  readonly onClosed: (consumer: MemoryConsumer) => void
}

/** A running consumer of one memory queue. */
export class MemoryConsumer implements Subscription, QueueConsumer {
  readonly queue: string
  readonly #parts: MemoryConsumerParts
  readonly #held = new HeldDeliveries(() => this.#queue?.wake())
  #queue: MemoryQueue | undefined
  #prefetch: number
  #isPaused: boolean = false
  #isClosed: boolean = false
  readonly #report: ProblemReport
  #again: Timer | undefined

  constructor(parts: MemoryConsumerParts) {
    this.queue = parts.queueName
    this.#parts = parts
    this.#report = new ProblemReport(parts)
    this.#prefetch = parts.options.prefetch
  }

  get hasRoom(): boolean {
    return this.#prefetch === 0 || this.#held.size < this.#prefetch
  }

  get problem(): ConsumerProblem | undefined {
    return this.#report.problem
  }

  attach(): void {
    if (this.#isClosed) return
    this.#queue = this.#parts.findQueue()
    if (this.#queue === undefined) {
      this.#tryLater()
      return
    }
    this.#report.noteEnd()
    if (!this.#isPaused) this.#queue.addConsumer(this)
  }

  /** What it held goes back to the queue. */
  detach(): void {
    this.#again?.clear()
    const queue = this.#queue
    this.#queue = undefined
    queue?.removeConsumer(this)
    this.#held.giveBack()
  }

  deliver(entry: QueueEntry): void {
    if (this.#queue === undefined) return
    const { onDelivery, log } = this.#parts
    handOver(this.#held.hold(this.#queue, entry), onDelivery, { queue: this.queue, log })
  }

  queueDeleted(): void {
    this.#held.forget()
    this.attach()
  }

  async pause(): Promise<void> {
    this.#isPaused = true
    this.#queue?.removeConsumer(this)
  }

  async resume(): Promise<void> {
    if (!this.#isPaused || this.#isClosed) return
    this.#isPaused = false
    this.#queue?.addConsumer(this)
  }

  async setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch
    this.#queue?.wake()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#again?.clear()
    this.#report.forget()
    this.detach()
    this.#parts.onClosed(this)
  }

  /** The queue may be declared again by another program. */
  #tryLater(): void {
    this.#again = startTimer(AGAIN_MS, () => this.attach()).unref()
    this.#report.note(queueMissing(this.queue, this.#parts.safeUrl))
  }
}
