import type { Logger } from '../../logger.ts'
import type { Settlement } from '../parts/received.ts'
import type { Entry, Fate } from './entry.ts'

/** Reports to sources what became of their messages, and knows which of them have not heard it yet. */
export class Settlements {
  readonly #log: Logger
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(log: Logger) {
    this.#log = log
  }

  settle(entry: Entry, fate: Fate): void {
    const { settlement } = entry.received
    if (settlement === undefined) return
    try {
      const settling = tell(settlement, entry, fate)
      if (settling !== undefined) this.#follow(settling, entry)
    } catch (error) {
      this.#onFailed(error, entry)
    }
  }

  /** Resolves once every source has heard. */
  async all(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #follow(settling: Promise<void>, entry: Entry): void {
    const followed = settling.catch((error: unknown) => this.#onFailed(error, entry))
    this.#underWay.add(followed)
    void followed.then(() => this.#underWay.delete(followed))
  }

  #onFailed(error: unknown, entry: Entry): void {
    this.#log.warn(
      { err: error, message: entry.number, listener: entry.listener },
      'message cannot be settled, its source may deliver it again',
    )
  }
}

function tell(settlement: Settlement, entry: Entry, fate: Fate): Promise<void> | undefined {
  switch (fate) {
    case 'done':
      return settlement.ack() ?? undefined
    case 'failed':
      return settlement.reject(entry.failure ?? new Error('failed')) ?? undefined
    case 'given-back':
      return settlement.giveBack() ?? undefined
  }
}
