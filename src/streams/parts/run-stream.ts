import type { Entry } from '../block/entry.ts'
import type { Lane } from './lane.ts'
import type { OperatorContext } from './operator-context.ts'

type Work = (messages: AsyncIterable<unknown>, context: OperatorContext) => AsyncIterable<unknown>

/**
 * Hands the stream of a lane to a generator. Results yielded between two messages belong to the first of them. A
 * generator that throws is started anew with the messages that follow; one that returns ends the block.
 */
export async function runStream(work: Work, lane: Lane): Promise<void> {
  const messages = new LaneStream(lane)
  while (!(await runOnce(work, lane, messages))) {
    // Once more, with the message that is tried again or those that follow.
  }
}

/** Whether the generator has returned, or has nothing left to do. */
async function runOnce(work: Work, lane: Lane, messages: LaneStream): Promise<boolean> {
  try {
    for await (const result of work(messages, lane.context)) {
      if (result !== undefined) await lane.publish(result, messages.current)
    }
    await messages.finish()
    if (!lane.isEnded) lane.endBlock()
    return true
  } catch (error) {
    await messages.fail(error)
    return lane.isEnded && !messages.hasMore
  }
}

class LaneStream implements AsyncIterableIterator<unknown> {
  readonly #lane: Lane
  #current: Entry | undefined
  #startedAt = 0
  #attempt = 1
  #isRepeated = false

  constructor(lane: Lane) {
    this.#lane = lane
  }

  /** The message that results belong to. */
  get current(): Entry | undefined {
    return this.#current
  }

  get hasMore(): boolean {
    return this.#isRepeated
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#isRepeated) return this.#repeat()
    await this.finish()
    for (;;) {
      const entry = this.#lane.take() ?? (await this.#lane.next())
      if (entry === undefined) return { done: true, value: undefined }
      if (entry.received.unreadable === undefined) return this.#begin(entry)
      await this.#lane.unreadable(entry)
    }
  }

  /** The generator wants no more; its last message is finished when it has returned. */
  async return(): Promise<IteratorResult<unknown>> {
    return { done: true, value: undefined }
  }

  async finish(): Promise<void> {
    const entry = this.#current
    if (entry === undefined) return
    this.#current = undefined
    this.#lane.observe(performance.now() - this.#startedAt)
    await this.#lane.done(entry)
  }

  async fail(error: unknown): Promise<void> {
    const entry = this.#current
    if (entry === undefined) {
      this.#lane.broke(error)
      return
    }
    this.#isRepeated = await this.#lane.failed(entry, { error, attempt: this.#attempt })
    this.#attempt += 1
    if (!this.#isRepeated) this.#current = undefined
  }

  #begin(entry: Entry): IteratorResult<unknown> {
    this.#current = entry
    this.#attempt = 1
    this.#startedAt = performance.now()
    this.#lane.contextOf(entry)
    return { done: false, value: entry.received.value }
  }

  #repeat(): IteratorResult<unknown> {
    this.#isRepeated = false
    this.#startedAt = performance.now()
    return { done: false, value: this.#current?.received.value }
  }
}
