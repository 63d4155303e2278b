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

  /** The source may close its connection only once it has heard. */
  settle(entry: Entry, fate: Fate): void {
    const settling = this.#told(entry, fate)
    if (settling === undefined) entry.source.onSettled()
    else this.#follow(settling, entry)
  }

  /** Resolves once every source has heard. */
  async all(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #told(entry: Entry, fate: Fate): Promise<void> | undefined {
    const { settlement } = entry.received
    try {
      return settlement && tell(settlement, entry, fate)
    } catch (error) {
      this.#onFailed(error, entry)
      return undefined
    }
  }

  #follow(settling: Promise<void>, entry: Entry): void {
    const followed = settling.catch((error: unknown) => this.#onFailed(error, entry))
    this.#underWay.add(followed)
    void followed.then(() => {
      this.#underWay.delete(followed)
      entry.source.onSettled()
    })
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
