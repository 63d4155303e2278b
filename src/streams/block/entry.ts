import { type Deferred, deferred } from '../../async/deferred.ts'
import type { MessageTrace } from '../../telemetry/traces/trace-message.ts'
import type { MessageHeaders, Received } from '../parts/received.ts'
import type { Queued } from './bounded-queue.ts'

/** What became of a message, once nothing of it is under way any more. */
export type Fate = 'done' | 'failed' | 'given-back'

/** Where it came from. */
interface EntrySource {
  readonly name: string
  onSettled(): void
}

interface EntryParts {
  readonly received: Received
  readonly source: EntrySource
  readonly number: number
  readonly lane: number | undefined
  readonly trace: MessageTrace | undefined
  /** The message before it of the same listener, where results have to keep their order across lanes. */
  readonly before: Entry | undefined
  /** One function for all messages: a closure each would cost more than the rest of the message. */
  readonly onSettled: (entry: Entry, fate: Fate) => void
}

/** A message on its way through a block: settled once, after the last of its results was accepted. */
export class Entry implements Queued {
  readonly received: Received
  readonly source: EntrySource
  /** 1 for the first message of the run. */
  readonly number: number
  readonly lane: number | undefined
  readonly trace: MessageTrace | undefined
  /** By the clock of performance.now(). */
  readonly admittedAt = performance.now()
  /** Why it failed; the first reason counts. */
  failure: Error | undefined
  readonly #onSettled: (entry: Entry, fate: Fate) => void
  /** The operator's own share, and one for each publisher that has a result of it. */
  #open = 1
  #isGivenBack = false
  #before: Entry | undefined
  #passed: Deferred<void> | undefined
  #hasPassed = false
  /** Messages whose results went out with those of this one: they share its fate. */
  #carried: Entry[] | undefined

  constructor(parts: EntryParts) {
    this.received = parts.received
    this.source = parts.source
    this.number = parts.number
    this.lane = parts.lane
    this.trace = parts.trace
    this.#before = parts.before
    this.#onSettled = parts.onSettled
  }

  get listener(): string {
    return this.source.name
  }

  get size(): number {
    return this.received.size
  }

  /** Those that its results take along. */
  get headers(): MessageHeaders {
    return this.trace?.headers ?? this.received.headers
  }

  /** Undefined where all before it have published; else resolves when they have. */
  turn(): Promise<void> | undefined {
    const before = this.#before
    if (before === undefined) return undefined
    if (before.#hasPassed) {
      this.#before = undefined // a chain of all messages ever would never be freed
      return undefined
    }
    before.#passed ??= deferred()
    return before.#passed.promise
  }

  /** One more publisher has a result of it. */
  open(): void {
    this.#open += 1
  }

  /** A publisher, or the operator, has finished with it. */
  close(failure?: Error): void {
    this.failure ??= failure
    this.#open -= 1
    if (this.#open === 0) this.#settle()
  }

  /** The operator has finished with it: the entries behind it may publish. */
  pass(): void {
    this.#hasPassed = true
    this.#before = undefined
    this.#passed?.resolve()
    this.#passed = undefined
  }

  carry(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    this.#carried = this.#carried === undefined ? [...entries] : [...this.#carried, ...entries]
  }

  /** Not worked on to the end: its source may deliver it again. */
  giveBack(): void {
    this.#isGivenBack = true
    this.pass()
    this.close()
  }

  /** A result of it did not reach a publisher before the stop. */
  spoil(): void {
    this.#isGivenBack = true
    this.close()
  }

  #settle(): void {
    for (const carried of this.#carried ?? []) {
      if (this.#isGivenBack) carried.giveBack()
      else carried.close(this.failure)
    }
    this.trace?.end(this.failure)
    this.#onSettled(this, this.#fate())
  }

  #fate(): Fate {
    if (this.failure !== undefined) return 'failed'
    return this.#isGivenBack ? 'given-back' : 'done'
  }
}
