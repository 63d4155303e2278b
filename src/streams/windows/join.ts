import { showValue } from '../../protocol/show-value.ts'
import type { Entry } from '../block/entry.ts'
import type { Lane } from '../parts/lane.ts'
import type { Operator } from '../parts/operator.ts'
import { checkCount } from './batch.ts'
import { HoldingOperator, nextReadable, publishHeld } from './held.ts'

export interface JoinOptions {
  /** Messages that make one result. Default 2. */
  readonly count?: number
  /** How long a message waits for the others of its key; then it fails. Default: as long as there is room. */
  readonly ms?: number
  /** The most messages that wait; the oldest fails when one more comes. Default 1000. */
  readonly limit?: number
}

/** `{ key, messages }` for each key, once `count` messages of it have come, from whichever listeners. */
export function join<T = unknown>(
  key: (message: T) => unknown,
  options: JoinOptions = {},
): Operator<T, { readonly key: unknown; readonly messages: readonly T[] }> {
  const { count = 2, limit = 1_000 } = options
  checkCount('join', count)
  checkCount('join', limit)
  return new Join(key as (message: unknown) => unknown, {
    count,
    limit,
    ms: options.ms,
  }) as Operator as never // its results are as declared
}

interface Waiting {
  readonly key: unknown
  readonly entries: Entry[]
  readonly since: number
}

class Join extends HoldingOperator {
  override readonly holds: number
  readonly #key: (message: unknown) => unknown
  readonly #count: number
  readonly #ms: number | undefined

  constructor(
    key: (message: unknown) => unknown,
    {
      count,
      limit,
      ms,
    }: { readonly count: number; readonly limit: number; readonly ms: number | undefined },
  ) {
    super()
    this.#key = key
    this.#count = count
    this.#ms = ms
    this.holds = limit
  }

  override get name(): string {
    return 'join'
  }

  override async work(lane: Lane): Promise<void> {
    // In the order of their first message, as a Map keeps it.
    const waiting = new Map<unknown, Waiting>()
    for (;;) {
      const entry = await nextReadable(lane, this.#nextTimeout(waiting))
      if (entry === undefined) break
      if (entry === 'late') await this.#giveUpLate(waiting, lane)
      else await this.#add(entry, waiting, lane)
    }
    for (const each of waiting.values()) await fail(each, lane, 'the stream has ended')
  }

  async #add(entry: Entry, waiting: Map<unknown, Waiting>, lane: Lane): Promise<void> {
    let key: unknown
    try {
      key = this.#key(entry.received.value)
    } catch (error) {
      await lane.failed(entry, { error, attempt: Number.POSITIVE_INFINITY })
      return
    }
    const found = waiting.get(key) ?? { key, entries: [], since: performance.now() }
    found.entries.push(entry)
    waiting.set(key, found)
    if (found.entries.length === this.#count) {
      waiting.delete(key)
      const messages = found.entries.map(({ received }) => received.value)
      await publishHeld(lane, found.entries, { key, messages })
      return
    }
    lane.hold(entry)
    const oldest = waiting.values().next().value
    if (sizeOf(waiting) > this.holds && oldest !== undefined) {
      waiting.delete(oldest.key)
      await fail(oldest, lane, `more than ${this.holds} messages wait`)
    }
  }

  #nextTimeout(waiting: Map<unknown, Waiting>): number | undefined {
    const oldest = waiting.values().next().value
    if (this.#ms === undefined || oldest === undefined) return undefined
    return oldest.since + this.#ms - performance.now()
  }

  async #giveUpLate(waiting: Map<unknown, Waiting>, lane: Lane): Promise<void> {
    const before = performance.now() - (this.#ms ?? 0)
    for (const each of [...waiting.values()].filter(({ since }) => since <= before)) {
      waiting.delete(each.key)
      await fail(each, lane, `no other message of its key came within ${this.#ms} ms`)
    }
  }
}

function sizeOf(waiting: Map<unknown, Waiting>): number {
  let size = 0
  for (const { entries } of waiting.values()) size += entries.length
  return size
}

/** Not tried again: it would wait for the same message. */
async function fail({ key, entries }: Waiting, lane: Lane, why: string): Promise<void> {
  const error = new Error(`join: the key ${showValue(key)} stays incomplete: ${why}`)
  for (const entry of entries) {
    await lane.failed(entry, { error, attempt: Number.POSITIVE_INFINITY })
  }
}
